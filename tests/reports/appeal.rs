//! The scripts with which a student can repeat a failure. tests/appeal.rs runs such scripts.

use std::io::Write;
use std::process::{Command, Stdio};

use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::grading::assessed_part::Unjudged;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::report::appeal::{bundle, script};

use crate::recorded;

fn assessment(results: Vec<RunResult>) -> Assessment {
    recorded::of_parts(recorded::HOSTILE, results.into_iter().map(Ok).collect())
}

/// Whether Python takes a text for a program; it is not run.
fn is_python(text: &str) -> bool {
    let mut python = Command::new("python3")
        .args(["-c", "import ast, sys; ast.parse(sys.stdin.buffer.read())"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("Python is there");
    let mut input = python.stdin.take().expect("is piped");
    input.write_all(text.as_bytes()).expect("is read");
    drop(input);
    python.wait().expect("ends").success()
}

#[test]
fn each_failing_requirement_has_a_script_and_a_text() {
    let files = bundle(&assessment(vec![recorded::server(), recorded::client()]));
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "README.txt",
            "server-S-REG-5.py",
            "server-S-REG-5.txt",
            "server-S-MSG-1.py",
            "server-S-MSG-1.txt",
            "server-S-DISC-5.py",
            "server-S-DISC-5.txt",
            "client-C-MSG-3.py",
            "client-C-MSG-3.txt",
        ]
    );
    let text = |wanted: &str| {
        let file = files.iter().find(|(name, _)| name == wanted);
        &file.expect("is there").1
    };
    assert!(text("README.txt").contains("  client-C-MSG-3.py\n"));
    let script = text("server-S-REG-5.py");
    assert!(
        script.contains("impostor.gets(Begins(\"401\"), only_after=["),
        "{script}"
    );
    let explained = text("server-S-REG-5.txt");
    for words in [
        "✗ S-REG-5 fails",
        "Assignment says",
        "received",
        "     time  ",
        "The whole transcript",
    ] {
        assert!(explained.contains(words), "{words}: {explained}");
    }
    assert!(bundle(&assessment(vec![recorded::good()])).is_empty());
}

#[test]
fn a_script_is_python_whatever_the_program_is_called_and_says() {
    for result in [recorded::server(), recorded::client(), recorded::hostile()] {
        for (name, text) in bundle(&assessment(vec![result.clone()])) {
            assert!(!name.ends_with(".py") || is_python(&text), "{name}: {text}");
            let is_raw = |character: char| character.is_control() && character != '\n';
            assert_eq!(text.find(is_raw), None, "{name}");
            assert!(!text.contains('\u{202e}'), "{name}");
        }
    }
}

#[test]
fn nothing_is_scripted_where_nothing_fails_or_nothing_was_judged() {
    let mut assessment = assessment(vec![recorded::server()]);
    let part = &mut assessment.parts[0];
    assert!(script(part, "S-REG-5").is_some());
    assert!(script(part, "S-PORT-1").is_none());
    assert!(script(part, "S-NONE-1").is_none());
    part.result = Err(Unjudged {
        reason: "it could not be built".to_owned(),
        output: String::new(),
        is_its_own_fault: true,
    });
    assert!(script(part, "S-REG-5").is_none());
}
