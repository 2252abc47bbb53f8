//! The language page agrees with the parser.

use chat_conformance::transcript::syntax::Role;
use chat_conformance::transcript::{format, parse, render};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::collections::BTreeMap;

const PAGE: &str = include_str!("../../docs/language.md");

/// The fenced code blocks of one language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(&fence).skip(1);
    blocks
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect()
}

/// The text between this heading and the next.
fn section(heading: &str) -> &'static str {
    let (_, rest) = PAGE
        .split_once(&format!("\n## {heading}\n"))
        .expect("the heading");
    rest.split("\n## ").next().unwrap_or(rest)
}

/// The first cells of a section's tables.
fn steps(heading: &str) -> Vec<&'static str> {
    let rows = section(heading)
        .lines()
        .filter_map(|line| line.strip_prefix("| `"));
    let steps: Vec<_> = rows
        .filter_map(|row| row.split_once("` |"))
        .map(|(step, _)| step)
        .collect();
    assert!(steps.len() > 10, "{steps:?}");
    steps
}

#[test]
fn its_examples_are_formatted_transcripts() {
    let examples = blocks("chat");
    assert_eq!(examples.len(), 3);
    for example in examples {
        assert_eq!(format(example).as_deref(), Ok(example));
    }
}

#[test]
fn each_step_that_it_shows_parses() {
    for step in steps("The steps of a server transcript") {
        assert_step(Role::Server, step);
    }
    for step in steps("The steps of a client transcript") {
        assert_step(Role::Client, step);
    }
    for step in steps("The steps of a transcript about a server and its clients") {
        assert_step(Role::Pair, step);
    }
}

#[test]
fn its_error_is_the_one_that_is_drawn() {
    let script = include_str!("../../conformance/invalid/misspelt-verb.chat");
    let faults = parse("", script).expect_err("a bad script");
    let shown = blocks("text");
    assert_eq!(
        shown,
        [render("misspelt-verb.chat", script, &faults[..1], false)]
    );
}

#[test]
fn everything_its_grammar_generates_parses() {
    let grammar = Grammar::read(blocks("ebnf").first().expect("a grammar"));
    let mut runner = TestRunner::new(Config {
        cases: 1000,
        failure_persistence: None,
        ..Config::default()
    });
    for (symbol, role) in [
        ("server-step", Role::Server),
        ("client-step", Role::Client),
        ("client-start", Role::Client),
        ("pair-step", Role::Pair),
    ] {
        let steps = grammar.sentences(symbol);
        let result = runner.run(&steps, |words| {
            assert_step(role, &words.join(" "));
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn its_grammar_accepts_every_step_on_the_page() {
    let grammar = blocks("ebnf").concat();
    for heading in [
        "The steps of a server transcript",
        "The steps of a client transcript",
        "The steps of a transcript about a server and its clients",
    ] {
        for step in steps(heading) {
            let verb = step.split(' ').nth(1).expect("a verb");
            let known =
                ["seconds", "server"].contains(&verb) || grammar.contains(&format!("\"{verb}\""));
            assert!(known, "{verb} is not in the grammar");
        }
    }
}

#[track_caller]
fn assert_step(role: Role, step: &str) {
    // A program is paused, and goes on later.
    let (first, rest) = step.split_once(' ').unwrap_or((step, ""));
    let step = &match rest {
        "is paused" => format!("{step}\n{first} goes on"),
        "goes on" => format!("{first} is paused\n{step}"),
        _ => step.to_owned(),
    };
    let source = match role {
        Role::Server => format!(
            "# A sentence.\ncovers W-LINE-1\nalice joins\nbob joins\nimpostor joins\n{step}\n"
        ),
        Role::Client if step.starts_with("client starts") => {
            format!("# A sentence.\ncovers W-LINE-1\n{step}\n")
        }
        Role::Client => format!("# A sentence.\ncovers W-LINE-1\nclient starts as alice\n{step}\n"),
        Role::Pair if step.contains(" starts") => {
            format!("# A sentence.\ncovers P-1\nzoe starts\n{step}\n")
        }
        Role::Pair => format!(
            "# A sentence.\ncovers P-1\nalice starts\nbob starts\nimpostor starts\n{step}\n"
        ),
    };
    match parse("page", &source) {
        Ok(transcript) => assert_eq!(transcript.role, role, "{step}"),
        Err(errors) => panic!("{}", render("page", &source, &errors, false)),
    }
}

/// A grammar in EBNF: each symbol with its definition.
struct Grammar(BTreeMap<String, Expression>);

#[derive(Debug, Clone)]
enum Expression {
    Word(String),
    Symbol(String),
    Sequence(Vec<Expression>),
    Choice(Vec<Expression>),
    Optional(Box<Expression>),
    Repeated(Box<Expression>),
}

impl Grammar {
    fn read(text: &str) -> Self {
        let rules = text.split(" ;\n").filter_map(|rule| rule.split_once('='));
        let rules = rules.filter(|(_, body)| !body.contains('?'));
        let rules = rules.map(|(symbol, body)| {
            let mut tokens = tokens(body).into_iter().peekable();
            let expression = choice(&mut tokens);
            assert_eq!(tokens.next(), None, "left over in {symbol}");
            (symbol.trim().to_owned(), expression)
        });
        Self(rules.collect())
    }

    fn sentences(&self, symbol: &str) -> BoxedStrategy<Vec<String>> {
        match self.0.get(symbol) {
            Some(expression) => self.made_by(expression),
            None => terminal(symbol).prop_map(|word| vec![word]).boxed(),
        }
    }

    fn made_by(&self, expression: &Expression) -> BoxedStrategy<Vec<String>> {
        match expression {
            Expression::Word(word) => Just(vec![word.clone()]).boxed(),
            Expression::Symbol(symbol) => self.sentences(symbol),
            Expression::Sequence(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.made_by(part)).collect();
                parts.prop_map(|words| words.concat()).boxed()
            }
            Expression::Choice(ways) => {
                let ways: Vec<_> = ways.iter().map(|way| self.made_by(way)).collect();
                proptest::strategy::Union::new(ways).boxed()
            }
            Expression::Optional(part) => proptest::option::of(self.made_by(part))
                .prop_map(Option::unwrap_or_default)
                .boxed(),
            Expression::Repeated(part) => proptest::collection::vec(self.made_by(part), 0..3)
                .prop_map(|words| words.concat())
                .boxed(),
        }
    }
}

/// Symbols that the grammar describes in words.
fn terminal(symbol: &str) -> BoxedStrategy<String> {
    match symbol {
        "actor" => prop_oneof![Just("alice"), Just("bob")]
            .prop_map(str::to_owned)
            .boxed(),
        "name" => "[A-Za-z0-9_-]{1,64}".boxed(),
        "number" => (2..600_u32).prop_map(|number| number.to_string()).boxed(),
        "line" => "[^\n]{1,20}".boxed(),
        "string" => r#""([^\n"\\]|\\[nrt0"\\]|\\x[0-7][0-9a-fA-F]|\\u\{e9\}){1,6}""#.boxed(),
        "whole-lines" => r#""([^\n"\\]|\\x[0-9a-fA-F]{2}){0,6}\\n""#.boxed(),
        "address" => {
            r#""[^\n"\\{}]{0,4}(\{host\}|\{port\}|\{short_port\}|\{unused\}|\{overflowing\})?[^\n"\\{}]{0,4}""#
                .boxed()
        }
        other => panic!("{other} is not in the grammar"),
    }
}

type Tokens = std::iter::Peekable<std::vec::IntoIter<String>>;

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => rest[1..].find('"').expect("a closing quote") + 2,
            first if first.is_ascii_alphabetic() => rest
                .find(|c: char| !c.is_ascii_alphabetic() && c != '-')
                .unwrap_or(rest.len()),
            _ => 1,
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

fn choice(tokens: &mut Tokens) -> Expression {
    let mut ways = vec![sequence(tokens)];
    while tokens.next_if_eq("|").is_some() {
        ways.push(sequence(tokens));
    }
    Expression::Choice(ways)
}

fn sequence(tokens: &mut Tokens) -> Expression {
    let mut parts = vec![part(tokens)];
    while tokens.next_if_eq(",").is_some() {
        parts.push(part(tokens));
    }
    Expression::Sequence(parts)
}

fn part(tokens: &mut Tokens) -> Expression {
    let token = tokens.next().expect("something after a comma");
    let mut inside = |close: &str| {
        let expression = choice(tokens);
        assert_eq!(tokens.next().as_deref(), Some(close));
        expression
    };
    match token.as_str() {
        "(" => inside(")"),
        "[" => Expression::Optional(Box::new(inside("]"))),
        "{" => Expression::Repeated(Box::new(inside("}"))),
        _ => match token
            .strip_prefix('"')
            .and_then(|token| token.strip_suffix('"'))
        {
            Some(word) => Expression::Word(word.to_owned()),
            None => Expression::Symbol(token),
        },
    }
}
