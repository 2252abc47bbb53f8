//! Connects the targets with libFuzzer. `scripts/fuzz` runs them.

pub mod mutation;
pub mod targets;

use std::fmt::Write;
use std::fs;
use std::path::Path;

pub use libfuzzer_sys;
use targets::Target;

/// The folder into which a fuzzer writes its target's seeds and words before it starts.
const SEEDS: &str = "FUZZ_SEEDS";

/// Makes a binary for a target.
#[macro_export]
macro_rules! fuzz {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(
            init: $crate::write_seeds($name),
            |data: &[u8]| ($crate::target($name).run)(data)
        );
    };
}

/// Makes a binary for a target that reads JSON: most changes keep the syntax.
#[macro_export]
macro_rules! fuzz_json {
    ($name:literal) => {
        $crate::fuzz!($name);
        $crate::libfuzzer_sys::fuzz_mutator!(
            |data: &mut [u8], size: usize, max_size: usize, seed: u32| {
                $crate::mutate_json(data, size, max_size, seed)
            }
        );
    };
}

/// The target of this name.
pub fn target(name: &str) -> &'static Target {
    let named = targets::TARGETS.iter().find(|target| target.name == name);
    named.unwrap_or_else(|| panic!("there is no target `{name}` in tests/fuzz/src/targets/mod.rs"))
}

/// Writes the seeds of a target into `$FUZZ_SEEDS`, and its words beside them, as a dictionary of libFuzzer.
pub fn write_seeds(name: &str) {
    let Some(folder) = std::env::var_os(SEEDS) else {
        return;
    };
    let folder = Path::new(&folder);
    let target = target(name);
    let write = |file: &Path, bytes: &[u8]| {
        fs::write(file, bytes).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    };
    for (number, seed) in (target.seeds)().iter().enumerate() {
        write(&folder.join(format!("seed-{number}")), seed);
    }
    let mut dictionary = String::new();
    for word in target.words {
        dictionary.push('"');
        for byte in word.bytes() {
            let _ = write!(dictionary, "\\x{byte:02X}");
        }
        dictionary.push_str("\"\n");
    }
    write(&folder.with_extension("dict"), dictionary.as_bytes());
}

/// Changes a JSON document in place, within `max_size` bytes. Returns its new size.
pub fn mutate_json(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = fastrand::Rng::with_seed(seed.into());
    let changed = match random.u8(..4) {
        0 => None,
        _ => mutation::json(&data[..size], &mut random),
    };
    match changed {
        Some(changed) if changed.len() <= max_size => {
            data[..changed.len()].copy_from_slice(&changed);
            changed.len()
        }
        _ => libfuzzer_sys::fuzzer_mutate(data, size, max_size),
    }
}
