//! Compiles a Java program once. `java Server.java` compiles at every start, which takes longer than most conversations,
//! and before Java 22 it finds no other file of the program.

use super::submission::{Entry, folder_of};
use crate::transcript::syntax::Role;

/// A program that is started from its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JavaSource<'e> {
    role: Role,
    /// Enters the program's folder, if that is not the submission's.
    prefix: &'e [String],
    file: &'e str,
    /// Its package, component by component.
    package: Vec<&'e str>,
    class: &'e str,
    /// All source files in its folder.
    beside: Vec<&'e str>,
}

impl<'e> JavaSource<'e> {
    /// The source that a command starts; `None` if it starts something else.
    pub(super) fn of(
        role: Role,
        command: &'e [String],
        entries: &'e [Entry],
    ) -> Option<JavaSource<'e>> {
        let (folder, words) = folder_of(command);
        let prefix = &command[..command.len() - words.len()];
        let folder = folder.map(|folder| folder.trim_start_matches("./"));
        let [java, file] = words else { return None };
        let stem = file.strip_suffix(".java").filter(|_| java == "java")?;
        let is_beside = |entry: &&Entry| match (folder, entry.path.rsplit_once('/')) {
            (Some(folder), Some((of_entry, _))) => folder == of_entry,
            (None, None) => true,
            _ => false,
        };
        let name = |entry: &'e Entry| entry.path.rsplit('/').next().unwrap_or(&entry.path);
        let beside = entries.iter().filter(is_beside);
        let source = { beside.clone() }.find(|entry| name(entry) == file)?;
        let declared = Declared::in_source(&source.text);
        let mut started = declared.started.iter();
        let class = { started.clone() }.find(|class| **class == stem);
        let class = class.or_else(|| started.next())?;
        Some(JavaSource {
            role,
            prefix,
            file,
            class,
            package: declared.package,
            beside: beside
                .map(name)
                .filter(|name| name.ends_with(".java"))
                .collect(),
        })
    }

    /// The commands that may compile it, to be tried in this order: with the files that it names, and with all files
    /// beside it.
    pub(super) fn compilers(&self) -> Vec<Vec<String>> {
        /// Copies a file under another name into a new folder, and goes on with another command. This runs where the
        /// program runs: a build of the submission may have put links there.
        const COPY: &str =
            r#"rm -rf "$0" && mkdir "$0" && cp "$1" "$0/$2" && shift 2 && exec "$@""#;
        let source = format!("./{}", self.file);
        let folder = format!(".conform-source-of-{}", self.role);
        let own_name = format!("{}.java", self.class);
        // A public class must be in a file of its name, and learning systems rename files.
        let (copy, main) = if self.file == own_name {
            (Vec::new(), source)
        } else {
            let main = format!("{folder}/{own_name}");
            let words = ["sh".to_owned(), "-c".to_owned(), COPY.to_owned()];
            (
                words
                    .into_iter()
                    .chain([folder, source, own_name])
                    .collect(),
                main,
            )
        };
        let others = self.beside.iter().filter(|file| **file != self.file);
        let others: Vec<String> = others.map(|file| format!("./{file}")).collect();
        let compiler = |others: &[String]| {
            let top = match self.package.len() {
                0 => ".".to_owned(),
                depth => vec![".."; depth].join("/"),
            };
            let options = ["javac", "-nowarn", "-proc:none", "-sourcepath", &top, "-d"];
            let words = self.prefix.iter().chain(&copy).cloned();
            let words = words.chain(options.map(str::to_owned));
            let words = words.chain([self.classes(), main.clone()]);
            words.chain(others.iter().cloned()).collect()
        };
        let mut all = vec![compiler(&[])];
        if !others.is_empty() {
            all.push(compiler(&others));
        }
        all
    }

    /// The command that starts it when it is compiled.
    pub(super) fn compiled(&self) -> Vec<String> {
        let class = [&self.package[..], &[self.class]].concat().join(".");
        let path = format!("{}:.", self.classes());
        let words = ["java".to_owned(), "-cp".to_owned(), path, class];
        self.prefix.iter().cloned().chain(words).collect()
    }

    /// The folder for the classes, in the program's folder.
    fn classes(&self) -> String {
        format!(".conform-classes-of-{}", self.role)
    }
}

/// What a source declares.
struct Declared<'s> {
    package: Vec<&'s str>,
    /// The names of the types that have a `main`, without types inside others.
    started: Vec<&'s str>,
}

impl Declared<'_> {
    fn in_source(text: &str) -> Declared<'_> {
        let mut declared = Declared {
            package: Vec::new(),
            started: Vec::new(),
        };
        let mut depth = 0_usize;
        let mut latest = "";
        let mut words = words_of(text).peekable();
        while let Some(word) = words.next() {
            match word {
                "{" => depth += 1,
                "}" => depth = depth.saturating_sub(1),
                "package" if depth == 0 => {
                    while let Some(part) = words.next_if(|word| *word != ";") {
                        declared
                            .package
                            .extend(Some(part).filter(|part| *part != "."));
                    }
                }
                "class" | "enum" | "record" | "interface" if depth == 0 => {
                    latest = words.next().unwrap_or_default();
                }
                "void" if depth == 1 && words.peek() == Some(&"main") => {
                    declared.started.push(latest);
                }
                _ => {}
            }
        }
        declared
    }
}

/// The words and single signs of a source, without its comments, texts and characters.
fn words_of(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            let first = rest.chars().next()?;
            if let Some(comment) = rest.strip_prefix("//") {
                rest = comment.split_once('\n').map_or("", |(_, after)| after);
            } else if let Some(comment) = rest.strip_prefix("/*") {
                rest = comment.split_once("*/").map_or("", |(_, after)| after);
            } else if let Some(block) = rest.strip_prefix("\"\"\"") {
                rest = block.split_once("\"\"\"").map_or("", |(_, after)| after);
            } else if first == '"' || first == '\'' {
                rest = after_quoted(&rest[1..], first);
            } else {
                let is_part = |sign: char| sign.is_alphanumeric() || sign == '_' || sign == '$';
                let end = match is_part(first) {
                    true => rest.find(|sign| !is_part(sign)).unwrap_or(rest.len()),
                    false => first.len_utf8(),
                };
                let (word, after) = rest.split_at(end);
                rest = after;
                return Some(word);
            }
        }
    })
}

/// What follows a text or a character, behind the quotation mark that begins it.
fn after_quoted(text: &str, mark: char) -> &str {
    let mut is_escaped = false;
    for (at, sign) in text.char_indices() {
        match sign {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '\n' => return &text[at..],
            sign if sign == mark => return &text[at + sign.len_utf8()..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "public static void main(String[] args) {}";

    fn entry(path: &str, text: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            text: text.replace("MAIN", MAIN),
            ..Entry::default()
        }
    }

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_source_is_compiled_with_what_it_needs() {
        let entries = [
            entry(
                "Server.java",
                "// class A { MAIN\nclass Hub { class Inner { MAIN } }\npublic class Server { String s = \"class {\"; MAIN }",
            ),
            entry("Tools.java", "class Tools {}"),
            entry("old/Server.java", ""),
        ];
        let command = words("java Server.java");
        let source = JavaSource::of(Role::Server, &command, &entries).expect("is a source");
        assert_eq!(
            source
                .compilers()
                .iter()
                .map(|command| command.join(" "))
                .collect::<Vec<_>>(),
            [
                "javac -nowarn -proc:none -sourcepath . -d .conform-classes-of-server ./Server.java",
                "javac -nowarn -proc:none -sourcepath . -d .conform-classes-of-server ./Server.java ./Tools.java",
            ]
        );
        assert_eq!(
            source.compiled(),
            words("java -cp .conform-classes-of-server:. Server")
        );
    }

    #[test]
    fn a_package_is_compiled_from_its_top() {
        let entries = [entry(
            "src/ca/chat/Client.java",
            "/* package no; */ package ca . chat;\nfinal class Client { char c = '{'; MAIN }",
        )];
        let command = words("env -C src/ca/chat java Client.java");
        let source = JavaSource::of(Role::Client, &command, &entries).expect("is a source");
        assert!(
            source.compilers()[0]
                .join(" ")
                .contains("-sourcepath ../.. -d")
        );
        assert_eq!(
            source.compiled(),
            words("env -C src/ca/chat java -cp .conform-classes-of-client:. ca.chat.Client")
        );
    }

    #[test]
    fn a_file_with_another_name_than_its_class_is_compiled_under_that_name() {
        let entries = [entry(
            "src/CLIENT.java",
            "class CLIENT {} public class Main { class Inner {} MAIN }",
        )];
        let command = words("env -C src java CLIENT.java");
        let source = JavaSource::of(Role::Client, &command, &entries).expect("is a source");
        let [compiler] = &source.compilers()[..] else {
            panic!("there is nothing beside it")
        };
        assert_eq!(compiler[..5], words("env -C src sh -c"));
        assert!(
            compiler
                .join(" ")
                .contains(" .conform-source-of-client ./CLIENT.java Main.java javac -nowarn")
        );
        assert_eq!(
            compiler.last().map(String::as_str),
            Some(".conform-source-of-client/Main.java")
        );
        assert_eq!(source.compiled().last().map(String::as_str), Some("Main"));
    }

    #[test]
    fn everything_else_is_started_as_it_is() {
        let entries = [
            entry("server.py", ""),
            entry("Empty.java", "// class Empty { MAIN }"),
            entry("Library.java", "class Library { class Inner { MAIN } }"),
        ];
        for command in [
            "java Empty.java",
            "java Library.java",
            "java Missing.java",
            "java -jar server.jar",
            "java Server",
            "python3 server.py",
        ] {
            let command = words(command);
            let source = JavaSource::of(Role::Server, &command, &entries);
            assert_eq!(source, None, "{command:?}");
        }
    }
}
