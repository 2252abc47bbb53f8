//! The reference server and client, and the protocol that they share.

mod client_command_line;
mod client_end_to_end;
mod protocol_properties;
mod room_model;
mod server_command_line;
mod server_end_to_end;
