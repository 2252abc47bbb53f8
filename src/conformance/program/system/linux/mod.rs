//! What Linux tells about processes and their connections.

mod access;
mod network;
mod processes;
mod rights;
mod rtnetlink;
mod sockets;
mod system_calls;
mod tree;
mod view;

pub use access::{landlock_version, restrict_files};
pub use network::{
    enter_own_network, gain_right_to_networks, has_networks_to_give, is_in_own_network,
};
pub use rights::{
    become_user, can_look_at_other_users, close_to_others, end_with_parent, give_up_ambient_rights,
    give_up_rights, isolate_next_process, keep_descriptors_to_itself,
};
pub use sockets::SocketTable;
pub use system_calls::restrict_calls;
pub use tree::ProcessTree;
pub use view::enter;

pub use processes::{
    adopt_orphans, ancestors, are_stopped, can_be_stopped_unnoticed, client_connection, cpu_time,
    cpu_time_with_ended, descendants, end, has_ended_within, holder, is_anything_unread,
    is_confined, is_held, kill, last_id_given, listening, own_memory, peak_memory, rest_mark,
    resume, scheduled, stop, tasks_on_this_machine, visible_processes, visit_descendants,
};
