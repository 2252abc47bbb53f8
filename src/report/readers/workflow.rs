//! GitHub's annotations, read as its runner documents to read a log: a line is a command where it begins with `::`
//! after white space, and, in the older form, where it holds `##[` anywhere.

use super::super::{fixture, formats::github};

#[derive(Debug, PartialEq)]
struct Command {
    name: String,
    properties: Vec<(String, String)>,
    message: String,
}

/// The commands in a log, and the lines that are none.
fn read(log: &str) -> (Vec<Command>, Vec<&str>) {
    let mut commands = Vec::new();
    let mut others = Vec::new();
    let ends =
        |character: char| matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
    for line in log.split(ends).filter(|line| !line.is_empty()) {
        match command(line) {
            Some(command) => commands.push(command),
            None => others.push(line),
        }
        assert!(!line.contains("##["), "an older command: {line}");
    }
    (commands, others)
}

fn command(line: &str) -> Option<Command> {
    let rest = line.trim_start().strip_prefix("::")?;
    let (head, message) = rest.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let properties = properties.split(',').filter_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        let value = value.replace("%3A", ":").replace("%2C", ",");
        Some((key.to_owned(), unescaped(&value)))
    });
    Some(Command {
        name: name.to_owned(),
        properties: properties.collect(),
        message: unescaped(message),
    })
}

fn unescaped(text: &str) -> String {
    let text = text.replace("%0D", "\r").replace("%0A", "\n");
    text.replace("%25", "%")
}

fn kinds(commands: &[Command]) -> Vec<&str> {
    commands
        .iter()
        .map(|command| command.name.as_str())
        .collect()
}

#[test]
fn the_runner_reads_what_is_meant() {
    let log = github::render(&fixture::faulty_submission());
    let (commands, others) = read(&log);
    assert!(others.is_empty(), "{others:?}");
    let first = &commands[0];
    assert_eq!(first.name, "error");
    assert_eq!(
        first.properties[0],
        (
            "file".into(),
            "conformance/client/messages/mid-line.chat".into()
        )
    );
    assert_eq!(first.properties[1], ("line".into(), "12".into()));
    assert!(first.message.contains("\nWhat to look at: "), "{first:?}");
}

#[test]
fn nothing_that_is_said_is_a_command() {
    let honest = github::render(&fixture::faulty_submission());
    let (honest, _) = read(&honest);
    let long = fixture::long_line();
    for text in fixture::BREAKING_OUT.iter().copied().chain([long.as_str()]) {
        let log = github::render(&fixture::submission_saying(text));
        let (commands, others) = read(&log);
        assert!(others.is_empty(), "{others:?}");
        assert_eq!(kinds(&commands), kinds(&honest), "{log}");
        for (command, honest) in commands.iter().zip(&honest) {
            let keys = |command: &Command| -> Vec<String> {
                command
                    .properties
                    .iter()
                    .map(|(key, _)| key.clone())
                    .collect()
            };
            assert_eq!(keys(command), keys(honest), "{log}");
        }
        let log = github::render(&fixture::unjudged_submission_saying(text));
        let (commands, others) = read(&log);
        assert!(others.is_empty(), "{others:?}");
        assert_eq!(kinds(&commands), ["error", "warning", "warning", "notice"]);
    }
}

/// The page without its code elements, whose text is to hold no sign that is markup.
fn without_code(page: &str) -> String {
    let mut rest = page;
    let mut outside = String::new();
    while let Some((before, after)) = rest.split_once("<code>") {
        outside.push_str(before);
        let (code, after) = after.split_once("</code>").expect("ends");
        let is_markup = |character: char| "<>`|*_[]()!@#~\\\"'".contains(character);
        let signs = code.replace("&#", "");
        assert!(!signs.contains(is_markup), "{code}");
        rest = after;
    }
    outside + rest
}

#[test]
fn what_is_said_stands_in_code_on_the_page() {
    let page = |text: &str| {
        let page = github::step_summary(&fixture::submission_saying(text));
        without_code(&page)
            + &without_code(&github::step_summary(&fixture::unjudged_submission_saying(
                text,
            )))
    };
    let honest = page("honest");
    let long = fixture::long_line();
    for text in fixture::BREAKING_OUT.iter().copied().chain([long.as_str()]) {
        let same = page(text);
        // Where nothing was printed there is no block of it.
        assert!(same == honest || text.is_empty(), "{same}\n{honest}");
    }
}
