//! Files of the system that a caged program finds with other contents, so that looking up a name works or fails at once.

use crate::conformance::program::system::TEMPORARY;
use crate::conformance::program::variables::NAME_OF_OWN_USER;

/// `/etc/resolv.conf` in a network without a name server. musl asks in a way in which it does not notice that nobody can
/// be reached, and would wait for five seconds, even if this file were empty. Other C libraries notice it at once.
pub const NO_NAME_SERVER: &str = "nameserver 127.0.0.1\noptions timeout:0 attempts:1\n";

/// `/etc/passwd` with an entry for this user, who would like to have this name; `None` if there is one already. Without
/// one, Python, Node and Java cannot tell who they run as, and some of them fail.
pub fn users_with(users: &str, user: u32, group: u32, wanted: &str) -> Option<String> {
    let ids = users.lines().filter_map(|entry| entry.split(':').nth(2));
    if { ids }.any(|id| id.parse() == Ok(user)) {
        return None;
    }
    let is_taken = |name: &str| {
        users
            .lines()
            .any(|entry| entry.split(':').next() == Some(name))
    };
    let is_usable = |name: &str| {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !name.is_empty() && name.bytes().all(is_plain) && !is_taken(name)
    };
    let name = if is_usable(wanted) {
        wanted
    } else {
        NAME_OF_OWN_USER
    };
    let line_end = if users.is_empty() || users.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Some(format!(
        "{users}{line_end}{name}:x:{user}:{group}::{TEMPORARY}:/bin/sh\n"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/bash\nann:x:1000:1000:Ann:/home/ann:/bin/sh\n";

    #[test]
    fn a_user_without_an_entry_gets_one() {
        assert_eq!(users_with(USERS, 1000, 1000, "ann"), None);
        let with = |name: &str| {
            let users = users_with(USERS, 5000, 50, name).expect("has no entry");
            let entry = users.strip_prefix(USERS).expect("keeps the others");
            entry.to_owned()
        };
        assert_eq!(with("bob"), "bob:x:5000:50::/tmp:/bin/sh\n");
        for name in ["", "root", "a:b", "a\nb:x:0:0::/:/bin/sh"] {
            assert_eq!(
                with(name),
                "submission:x:5000:50::/tmp:/bin/sh\n",
                "{name:?}"
            );
        }
    }

    #[test]
    fn an_entry_is_a_line_of_its_own() {
        for (users, start) in [
            ("", ""),
            ("root:x:0:0::/:/bin/sh", "root:x:0:0::/:/bin/sh\n"),
        ] {
            let expected = format!("{start}bob:x:7:7::/tmp:/bin/sh\n");
            assert_eq!(users_with(users, 7, 7, "bob"), Some(expected));
        }
    }
}
