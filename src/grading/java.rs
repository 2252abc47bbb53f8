//! Compiles a Java program once. `java Server.java` compiles at every start, which takes longer than most conversations,
//! and before Java 22 it finds no other file of the program.

use super::submission::Entry;

/// A program that is started from its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JavaSource<'e> {
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
    pub(super) fn of(command: &'e [String], entries: &'e [Entry]) -> Option<JavaSource<'e>> {
        let (prefix, folder, words) = match command {
            [env, option, folder, words @ ..] if env == "env" && option == "-C" => {
                (&command[..3], Some(folder.trim_start_matches("./")), words)
            }
            words => (&[][..], None, words),
        };
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
        let mut classes = declared.classes.iter();
        // Otherwise the first one, as `java` does.
        let class = { classes.clone() }.find(|class| **class == stem);
        let class = class.or_else(|| classes.next())?;
        Some(JavaSource {
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
    pub(super) fn compilers(&self) -> [Vec<String>; 2] {
        let main = match self.renamed() {
            Some(copy) => copy,
            None => format!("./{}", self.file),
        };
        let others = self.beside.iter().filter(|file| **file != self.file);
        let others: Vec<String> = others.map(|file| format!("./{file}")).collect();
        [&[][..], &others].map(|others| {
            let top = match self.package.len() {
                0 => ".".to_owned(),
                depth => vec![".."; depth].join("/"),
            };
            let options = ["javac", "-nowarn", "-proc:none", "-sourcepath", &top, "-d"];
            let words = options.map(str::to_owned).into_iter();
            let words = words
                .chain([self.classes(), main.clone()])
                .chain(others.iter().cloned());
            self.prefix.iter().cloned().chain(words).collect()
        })
    }

    /// The command that starts it when it is compiled.
    pub(super) fn compiled(&self) -> Vec<String> {
        let class = [&self.package[..], &[self.class]].concat().join(".");
        let path = format!("{}:.", self.classes());
        let words = ["java".to_owned(), "-cp".to_owned(), path, class];
        self.prefix.iter().cloned().chain(words).collect()
    }

    /// Where the compiler needs a copy of the source, in the program's folder: a public class must be in a file of its
    /// name, and learning systems rename files.
    fn renamed(&self) -> Option<String> {
        let is_its_own = self.file.strip_suffix(".java") == Some(self.class);
        (!is_its_own).then(|| format!(".conform-source-of-{0}/{0}.java", self.class))
    }

    /// The source and the copy of it that the compiler needs, in the submission's folder.
    pub(super) fn copy(&self) -> Option<(String, String)> {
        let within = |file: &str| match self.prefix {
            [.., folder] => format!("{folder}/{file}"),
            [] => file.to_owned(),
        };
        Some((within(self.file), within(&self.renamed()?)))
    }

    /// The folder for the classes, in the program's folder.
    fn classes(&self) -> String {
        format!(".conform-classes-of-{}", self.class)
    }
}

/// What a source declares.
struct Declared<'s> {
    package: Vec<&'s str>,
    /// The names of its types, without those inside others.
    classes: Vec<&'s str>,
}

impl Declared<'_> {
    fn in_source(text: &str) -> Declared<'_> {
        let mut declared = Declared {
            package: Vec::new(),
            classes: Vec::new(),
        };
        let mut depth = 0_usize;
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
                    declared.classes.extend(words.next());
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

    fn entry(path: &str, text: &str) -> Entry {
        Entry {
            path: path.to_owned(),
            text: text.to_owned(),
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
                "// class A {\nclass Hub { class Inner {} }\npublic class Server { String s = \"class {\"; }",
            ),
            entry("Tools.java", "class Tools {}"),
            entry("old/Server.java", ""),
        ];
        let command = words("java Server.java");
        let source = JavaSource::of(&command, &entries).expect("is a source");
        assert_eq!(
            source.compilers().map(|command| command.join(" ")),
            [
                "javac -nowarn -proc:none -sourcepath . -d .conform-classes-of-Server ./Server.java",
                "javac -nowarn -proc:none -sourcepath . -d .conform-classes-of-Server ./Server.java ./Tools.java",
            ]
        );
        assert_eq!(
            source.compiled(),
            words("java -cp .conform-classes-of-Server:. Server")
        );
    }

    #[test]
    fn a_package_is_compiled_from_its_top() {
        let entries = [entry(
            "src/ca/chat/Client.java",
            "/* package no; */ package ca . chat;\nfinal class Client { char c = '{'; }",
        )];
        let command = words("env -C src/ca/chat java Client.java");
        let source = JavaSource::of(&command, &entries).expect("is a source");
        assert!(
            source.compilers()[0]
                .join(" ")
                .contains("-sourcepath ../.. -d")
        );
        assert_eq!(
            source.compiled(),
            words("env -C src/ca/chat java -cp .conform-classes-of-Client:. ca.chat.Client")
        );
    }

    #[test]
    fn a_file_with_another_name_than_its_class_is_compiled_under_that_name() {
        let entries = [entry(
            "src/CLIENT.java",
            "public class Client { class Inner {} }",
        )];
        let command = words("env -C src java CLIENT.java");
        let source = JavaSource::of(&command, &entries).expect("is a source");
        let copy = ".conform-source-of-Client/Client.java";
        let from_to = ("src/CLIENT.java".to_owned(), format!("src/{copy}"));
        assert_eq!(source.copy(), Some(from_to));
        assert!(source.compilers()[1].ends_with(&[copy.to_owned()]));
    }

    #[test]
    fn everything_else_is_started_as_it_is() {
        let entries = [
            entry("server.py", ""),
            entry("Empty.java", "// class Empty {}"),
        ];
        for command in [
            "java Empty.java",
            "java Missing.java",
            "java -jar server.jar",
            "java Server",
            "python3 server.py",
        ] {
            assert_eq!(JavaSource::of(&words(command), &entries), None, "{command}");
        }
    }
}
