//! The fuzz targets on their seeds and on random changes of them, for a moment each. `scripts/fuzz` runs them with
//! coverage, for as long as one likes.

#[path = "fuzz/src/mutation.rs"]
mod mutation;
#[path = "fuzz/src/targets/mod.rs"]
mod targets;

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use targets::{TARGETS, Target};

/// Maximum time for one target, and number of inputs for it.
const MOMENT: (Duration, usize) = (Duration::from_millis(200), 2_000);
const THOROUGH: (Duration, usize) = (Duration::from_secs(2), 50_000);

#[test]
fn targets_hold_for_their_seeds_and_for_changes_of_them() {
    let is_thorough = std::env::var_os("CONFORM_THOROUGH").is_some();
    let (time, inputs) = if is_thorough { THOROUGH } else { MOMENT };
    let failing: Vec<String> = std::thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let of_half = TARGETS.iter().skip(half).step_by(2);
            scope.spawn(move || {
                let failing = of_half.filter_map(|target| failure(target, time, inputs));
                failing.collect::<Vec<String>>()
            })
        });
        let failing = halves.map(|half| half.join().expect("panics are caught"));
        failing.concat()
    });
    assert!(failing.is_empty(), "{}", failing.join("\n"));
}

/// The first input that breaks a target, with where it is kept.
fn failure(target: &Target, time: Duration, inputs: usize) -> Option<String> {
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{} has no seeds", target.name);
    let breaks = |input: &Vec<u8>| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err();
    // The same inputs each time: what fails once fails again.
    let mut random = fastrand::Rng::with_seed(1);
    let changed = std::iter::repeat_with(|| {
        let seed = &seeds[random.usize(..seeds.len())];
        let as_json = random.bool().then(|| mutation::json(seed, &mut random));
        as_json
            .flatten()
            .unwrap_or_else(|| mutation::bytes(&seeds, target.words, &mut random))
    });
    let begun = Instant::now();
    let mut changed = changed.take(inputs).take_while(|_| begun.elapsed() < time);
    let input = seeds.iter().find(|seed| breaks(seed)).cloned();
    let input = input.or_else(|| changed.find(breaks))?;
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    fs::write(&kept, &input).expect("is written");
    let shown: String = input
        .escape_ascii()
        .to_string()
        .chars()
        .take(1_000)
        .collect();
    Some(format!(
        "{} fails for {}: {shown}",
        target.name,
        kept.display()
    ))
}

#[test]
fn every_target_has_its_binary() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).expect("is there");
    let mut names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    let declared = manifest.lines().filter_map(|line| {
        let file = line.strip_prefix("path = \"bins/")?;
        file.strip_suffix(".rs\"")
    });
    assert_eq!(declared.collect::<Vec<_>>(), names);
    let entries = fs::read_dir(folder.join("bins"))
        .expect("is there")
        .flatten();
    let files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    names.retain(|name| {
        let file = folder.join(format!("bins/{name}.rs"));
        let text = fs::read_to_string(file).unwrap_or_default();
        !text.contains(&format!("!(\"{name}\");"))
    });
    assert_eq!(names, Vec::<&str>::new());
    assert_eq!(files.len(), TARGETS.len());
}
