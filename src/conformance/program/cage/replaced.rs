//! Files of the system that a caged program finds with other contents, so that looking up a name works or fails at once.

/// `/etc/resolv.conf` in a network without a name server. musl asks in a way in which it does not notice that nobody can
/// be reached, and would wait for five seconds, even if this file were empty. Other C libraries notice it at once.
pub const NO_NAME_SERVER: &str = "nameserver 127.0.0.1\noptions timeout:0 attempts:1\n";
