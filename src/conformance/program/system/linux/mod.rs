//! What Linux tells about processes and their connections.

mod hiding;
mod network;
mod processes;
mod rtnetlink;
mod sockets;
mod tree;

pub use hiding::{
    close_to_others, end_with_parent, give_up_ambient_rights, give_up_rights, hide,
    isolate_next_process,
};
pub use network::{enter_own_network, gain_right_to_networks, has_networks_to_give};
pub use sockets::SocketTable;
pub use tree::ProcessTree;

pub use processes::{
    adopt_orphans, ancestors, are_stopped, cpu_time, cpu_time_with_ended, descendants, end,
    has_ended_within, holder, is_confined, is_held, kept_waiting, kill, listening, own_memory,
    peak_memory, rest_mark, resume, stop, tasks_on_this_machine, visit_descendants,
};
