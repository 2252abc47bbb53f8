//! What it costs to start a program and to end it, with and without the layers of the cage: `cargo bench --bench start`.

use std::path::Path;

use chat_conformance::conformance::program::cage::layer::{Layer, OwnFolder};
use chat_conformance::conformance::program::environment::{Environment, Purpose};
use chat_conformance::conformance::program::process::{News, RunningProgram};
use divan::Bencher;
use rustix::event::{PollFd, PollFlags, poll};

fn main() {
    divan::main();
}

/// Starts `true`, waits for its end, and removes what is left.
fn start(bencher: Bencher, cage: &[Layer]) {
    let folder = tempfile::tempdir().expect("a directory");
    let environment = Environment {
        folder: Some(folder.path().to_owned()),
        purpose: Purpose::Submission,
        own_folder: OwnFolder::Restored,
        cage: cage.to_vec(),
        ..Environment::default()
    };
    let harness = Path::new(env!("CARGO_BIN_EXE_conform"));
    bencher.bench_local(|| {
        let command = ["/bin/true".to_owned()];
        let mut program =
            RunningProgram::start(harness, &environment, &command).expect("is started");
        loop {
            let mut news = program.news().into_iter();
            if news.any(|news| matches!(news, News::Ended(_))) {
                break;
            }
            let mut sources: Vec<PollFd<'_>> = { program.sources() }
                .map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN))
                .collect();
            let _ = poll(&mut sources, None);
        }
    });
}

#[divan::bench]
fn a_no_cage(bencher: Bencher) {
    start(bencher, &[]);
}

#[divan::bench]
fn b_landlock_and_seccomp(bencher: Bencher) {
    start(bencher, &[Layer::Landlock, Layer::SystemCalls]);
}

#[divan::bench]
fn c_all_layers(bencher: Bencher) {
    start(bencher, &Layer::ALL);
}
