//! GitHub's annotations and step summary. Annotations are read as the runner documents to read a log: a line is a
//! command if it begins with `::` after white space, or, in the older form, if it contains `##[`.

use chat_conformance::report::formats::github::{render, step_summary};

use crate::recorded;

#[test]
fn what_costs_most_comes_first_with_its_place() {
    let shown = render(&recorded::faulty_submission());
    let first = shown.lines().next().expect("there is something to tell");
    assert!(
        first.starts_with(
            "::error file=conformance/client/messages/mid-line.chat,line=12,title=C-MSG-3 fails ("
        ),
        "{shown}"
    );
    assert!(
        first.contains("%0AWhat to look at%3A") || first.contains("%0AWhat to look at: "),
        "{shown}"
    );
    assert!(
        shown.contains("Blocked requirements of the server::S-REG-7 by S-REG-5\n"),
        "{shown}"
    );
    assert!(shown.contains("::warning title=Check this mark::server: S-PORT-2 is unsure.\n"));
    assert!(
        shown
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("::notice title=bob%3A "))
    );
}

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
    let log = render(&recorded::faulty_submission());
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
    let honest = render(&recorded::faulty_submission());
    let (honest, _) = read(&honest);
    for text in recorded::hostile_texts() {
        let log = render(&recorded::submission_saying(&text));
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
        let log = render(&recorded::unjudged_submission_saying(&text));
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
        let page = step_summary(&recorded::submission_saying(text));
        without_code(&page)
            + &without_code(&step_summary(&recorded::unjudged_submission_saying(text)))
    };
    let honest = page("honest");
    for text in recorded::hostile_texts() {
        let same = page(&text);
        // Where nothing was printed there is no block of it.
        assert!(same == honest || text.is_empty(), "{same}\n{honest}");
    }
}

#[test]
fn the_summary_names_what_fails_and_what_a_build_printed() {
    let page = step_summary(&recorded::faulty_submission());
    assert!(page.starts_with("## <code>bob</code>: "), "{page}");
    assert!(page.contains("| S-REG-5 | fails | 0 of "), "{page}");
    assert!(
        page.contains("1 of 2 must and implied requirements passes"),
        "{page}"
    );
    let page = step_summary(&recorded::not_built_submission());
    assert!(page.contains("<pre><code>server&#46;c&#58;3"), "{page}");
}
