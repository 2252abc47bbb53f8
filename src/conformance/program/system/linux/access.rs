//! Landlock rules: which files a process may use.

use std::io;
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};

/// The newest version of Landlock that is used; an older kernel restricts less.
const VERSION: ABI = ABI::V6;

/// Restricts this process and its descendants for good: they read and execute what is `readable`, do everything with
/// what is `writable`, and use no other file. They send no signals to processes that are not restricted in this way,
/// and do not connect to their abstract sockets.
///
/// # Errors
/// The system has no Landlock.
pub fn restrict_files(readable: &[PathBuf], writable: &[PathBuf]) -> io::Result<()> {
    let restrict = || {
        Ruleset::default()
            .handle_access(AccessFs::from_all(VERSION))?
            .scope(Scope::AbstractUnixSocket)?
            .scope(Scope::Signal)?
            .create()?
            .add_rules(path_beneath_rules(readable, AccessFs::from_read(VERSION)))?
            .add_rules(path_beneath_rules(writable, AccessFs::from_all(VERSION)))?
            .restrict_self()
    };
    let restricted = restrict().map_err(|error: landlock::RulesetError| io::Error::other(error))?;
    if restricted.ruleset == RulesetStatus::NotEnforced {
        return Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "this system has no Landlock",
        ));
    }
    Ok(())
}

/// The newest version of Landlock's interface that the system has, up to the one that is used here.
pub fn landlock_version() -> Option<i32> {
    let versions = [ABI::V6, ABI::V5, ABI::V4, ABI::V3, ABI::V2, ABI::V1];
    let found = { versions }.into_iter().find(|version| {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_all(*version))
            .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(*version)));
        let ruleset = match version {
            ABI::V6 => ruleset.and_then(|ruleset| ruleset.scope(Scope::Signal)),
            _ => ruleset,
        };
        ruleset.and_then(Ruleset::create).is_ok()
    });
    found.map(|version| version as i32)
}
