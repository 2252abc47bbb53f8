//! What people say and how they are called, along the axes on which programs go wrong.

use super::random::Random;
use crate::conformance::suite::id;

/// A text: an everyday word, in one of many forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Number of the word, so that no two messages of a conversation are alike by accident.
    word: usize,
    form: &'static Form,
}

/// A form that a text can take.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    /// `{w}` stands for the word, `{1}` to `{9}` for filling to as many hundred bytes.
    pattern: &'static str,
    /// What is special about it, to go behind "a text with".
    phrase: &'static str,
    group: Group,
}

/// What the forms of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Nothing is special.
    Plain,
    /// Spaces and tabs.
    Blanks,
    /// What looks like a line of the protocol.
    Control,
    /// What other tools take for their own.
    Marks,
    /// Beyond ASCII.
    Unicode,
    /// Long.
    Long,
    /// Without an everyday word.
    Odd,
    /// A single word that some client might take for a command. A server may use it in a notice, too.
    Command,
}

impl Group {
    /// Every group that can be told from what a server says of its own.
    pub const SAID: [Group; 6] = [
        Group::Blanks,
        Group::Control,
        Group::Marks,
        Group::Unicode,
        Group::Long,
        Group::Odd,
    ];
    /// Every group with something special.
    pub fn typed() -> Vec<Group> {
        [&Group::SAID[..], &[Group::Command]].concat()
    }
}

const PLAIN: Form = Form {
    pattern: "{w}",
    phrase: "nothing special",
    group: Group::Plain,
};

macro_rules! forms {
    ($($group:ident $pattern:literal $phrase:literal;)*) => {
        &[$(Form { pattern: $pattern, phrase: $phrase, group: Group::$group }),*]
    };
}

static FORMS: &[Form] = forms! {
    Blanks "  {w}" "spaces in front";
    Blanks "{w}  " "spaces at its end";
    Blanks " {w}" "a space in front";
    Blanks "{w} " "a space at its end";
    Blanks "{w}  more" "two spaces in a row";
    Blanks "{w}\tmore" "a tab";
    Control "DISCONNECT CHAT/1.0 {w}" "a shutdown notice at its start";
    Control "{w} DISCONNECT CHAT/1.0" "a shutdown notice at its end";
    Control "{w} DISCONNECT more" "the word DISCONNECT inside";
    Control "DISCONNECT {w}" "the word DISCONNECT at its start";
    Control "disconnect {w}" "the word disconnect at its start";
    Control "DISCONNECT {w} CHAT/1.0" "the line of a user who leaves";
    Control "REGISTER {w} CHAT/1.0" "a registration";
    Control "{w} REGISTER more" "the word REGISTER inside";
    Control "register {w}" "the word register at its start";
    Control "{w} CHAT/1.0" "the version at its end";
    Control "200 {w}" "a status at its start";
    Control "200 Registration successful {w}" "the words of an acceptance at its start";
    Control "401 Client already registered {w}" "a status 401 at its start";
    Control "@alice: {w} @alice: and @bob: more" "prefixes inside";
    Control "400 Invalid registration {w}" "a status 400 at its start";
    Control "{w} 401 Client already registered" "a status 401 at its end";
    Control "@bob: {w}" "the prefix of another user at its start";
    Control "@alice: {w}" "a prefix at its start";
    Control "{w} @bob more" "the name of a user inside";
    Control "{w}: more: and more" "colons";
    Control ": {w}" "a colon at its start";
    Control "{w}:" "a colon at its end";
    Control "@{w}" "an @ at its start";
    Control "{w} user@example.org" "an @ inside";
    Marks "50% {w} %s %d" "percent signs";
    Marks "{w} {0} {us} {}" "braces";
    Marks "[b]{w}[/b]" "square brackets";
    Marks "<b>{w}</b> &amp;" "angle brackets and an ampersand";
    Marks "{w}\\nmore" "a backslash and an n";
    Marks "\\{w}\\" "backslashes";
    Marks "/me {w}" "a slash at its start";
    Marks "$5 {w} $$6 $& $1" "dollar signs";
    Marks "\"{w}\" 'more'" "quotes";
    Marks "'{w}'" "single quotes around it";
    Marks "$HOME {w} `id`" "a dollar sign and back quotes";
    Marks "{w}, more; (and more) #1 *2* ~ ^ | =" "punctuation";
    Marks "{w} \\x41 \\u00e9" "escapes";
    Marks "-{w} --more" "a hyphen at its start";
    Marks "quit {w}" "the word quit at its start";
    Unicode "{w} é ñ ü" "characters of two bytes";
    Unicode "{w} € 日本語" "characters of three bytes";
    Unicode "{w} 🎉 𝄞" "characters of four bytes";
    Unicode "{w} éééééééééééééééééééééééééééééééééééééééééééééééééé" "fifty characters of two bytes";
    Unicode "{w} 日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語" "thirty characters of three bytes";
    Unicode "é" "a single character of two bytes";
    Unicode "{w} e\u{301} more" "a combining mark";
    Unicode "שלום {w} عربي" "text from right to left";
    Unicode "{w}\u{85}more" "U+0085";
    Unicode "{w}\u{2028}more" "U+2028";
    Unicode "\u{3000}{w}\u{a0}" "wide spaces around it";
    Unicode "\u{feff}{w}\u{200b}more" "invisible characters";
    Unicode "{w}\u{202e} more" "a change of direction";
    Unicode "{w}\u{fffd} more" "U+FFFD";
    Unicode "{w} всех" "a last byte 0x85";
    Unicode "ÀÉÎÕÜ {w}" "capital letters with accents";
    Long "{w} {1}" "a hundred bytes";
    Long "{w} {2}" "two hundred bytes";
    Long "{w} {3}" "three hundred bytes";
    Long "{w} {6}" "six hundred bytes";
    Long "{w} {9}" "a thousand bytes";
    Odd "12345" "digits only";
    Command "200" "only the digits of a status";
    Odd "0" "only a zero";
    Odd "?!" "punctuation only";
    Odd "..." "dots only";
    Odd "   " "spaces only";
    Command "x" "a single letter";
    Command "quit" "only the word quit";
    Command "exit" "only the word exit";
    Command "DISCONNECT" "only the word DISCONNECT";
    Odd "DISCONNECT CHAT/1.0" "only a shutdown notice";
    Odd "DISCONNECT bob CHAT/1.0" "only the line of a user who leaves";
    Command "/quit" "only a slash and the word quit";
    Command "bye" "only the word bye";
    Command "REGISTER" "only the word REGISTER";
};

const WORDS: &[&str] = &[
    "apricot", "balcony", "candle", "dolphin", "engine", "feather", "garden", "harbour", "island",
    "juniper", "kettle", "lantern", "marble", "needle", "orchard", "parrot", "quartz", "ribbon",
    "saddle", "timber", "umbrella", "violin", "walnut", "yoghurt", "zeppelin",
];

impl Text {
    /// The plain text with this number.
    pub fn plain(word: usize) -> Text {
        Text { word, form: &PLAIN }
    }

    /// A text with this number, in a form of one of these groups.
    pub fn random(random: &mut Random, word: usize, groups: &[Group]) -> Text {
        let forms: Vec<&'static Form> = FORMS
            .iter()
            .filter(|form| groups.contains(&form.group))
            .collect();
        let form = random.one_of(&forms).copied();
        Text {
            word,
            form: form.filter(|_| random.chance(70)).unwrap_or(&PLAIN),
        }
    }

    /// The text itself: at least one byte, at most 1,000, no line end.
    pub fn shown(&self) -> String {
        let text = self.form.pattern.replace("{w}", &self.word());
        let filled = ('1'..='9').find_map(|hundreds| {
            let place = format!("{{{hundreds}}}");
            let before = text.find(&place)?;
            let length = (hundreds.to_digit(10)? as usize + usize::from(hundreds == '9')) * 100;
            Some(text[..before].to_owned() + &filling(length - before))
        });
        filled.unwrap_or(text)
    }

    fn word(&self) -> String {
        let first = WORDS[self.word % WORDS.len()];
        match self.word / WORDS.len() {
            0 => first.to_owned(),
            // Two lines that were typed, one below the other, are not the same.
            round => format!("{first} and {}", WORDS[(self.word + round) % WORDS.len()]),
        }
    }

    /// The same without anything special, if there is anything.
    pub fn simpler(&self) -> Option<Text> {
        (self.form.group != Group::Plain).then(|| Text::plain(self.word))
    }

    /// Takes away what is special about it.
    pub fn make_plain(&mut self) {
        self.form = &PLAIN;
    }

    /// The group of its form.
    pub fn group(&self) -> Group {
        self.form.group
    }

    /// What is special about it, to go behind "a text with"; `None` where nothing is.
    pub fn phrase(&self) -> Option<&'static str> {
        (self.form.group != Group::Plain).then_some(self.form.phrase)
    }

    /// Whether it looks like a line of the protocol.
    pub fn looks_like_control(&self) -> bool {
        let is_word = self.form.pattern.contains("DISCONNECT") || self.form.pattern == "REGISTER";
        self.form.group == Group::Control || is_word
    }

    /// Whether it has a word of its own, so that no other text of the conversation is part of it.
    pub fn has_word(&self) -> bool {
        self.form.pattern.contains("{w}")
    }

    /// Whether it can be found on a screen, unchanged and among other texts. A client may show a control character as it
    /// likes, and one that changes the direction of writing; invisible ones are not seen.
    pub fn is_visible(&self) -> bool {
        const UNSEEN: [char; 7] = [
            '\t', '\u{85}', '\u{a0}', '\u{200b}', '\u{202e}', '\u{3000}', '\u{feff}',
        ];
        let is_long = self.has_word() || self.form.pattern.len() > 10;
        is_long && !self.form.pattern.contains(UNSEEN)
    }

    /// Whether it has a tab, which completes a word at some prompts.
    pub fn has_tab(&self) -> bool {
        self.form.pattern.contains('\t')
    }
}

/// So many bytes of words; neither the first nor the last is a space.
fn filling(length: usize) -> String {
    let mut text: String = "and so on, on and on "
        .chars()
        .cycle()
        .take(length)
        .collect();
    if text.ends_with(' ') {
        text.pop();
        text.push('x');
    }
    text
}

/// A name that differs from the actor's own in an interesting way.
pub fn name(random: &mut Random) -> String {
    const NAMES: &[&str] = &[
        "ann",
        "anna",
        "annabel",
        "nna",
        "bob2",
        "2bob",
        "b",
        "x",
        "Zoe",
        "McCarthy",
        "ALICE",
        "user_1",
        "constructor",
        "__proto__",
        "user-2",
        "_",
        "-",
        "007",
        "user1",
        "bob-from-across-the-long-street-1",
        "bob-from-across-the-long-street-2",
        "REGISTER",
        "CHAT",
        "DISCONNECT",
        "server",
        "None",
        "admin",
    ];
    const LONG: usize = 64;
    if random.chance(10) {
        return "n".repeat(LONG);
    }
    random.one_of(NAMES).copied().unwrap_or("ann").to_owned()
}

/// The requirement that a server, or a client, breaks if only texts of this group go wrong.
pub fn requirement_of(text: &Text, of_server: bool) -> Option<&'static str> {
    let control = if of_server { id::S_MSG_4 } else { id::C_MSG_4 };
    let unicode = if of_server { id::S_MSG_6 } else { id::C_MSG_5 };
    match text.group() {
        _ if text.looks_like_control() => Some(control),
        Group::Unicode => Some(unicode),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_can_be_said() {
        for form in FORMS {
            for word in 0..60 {
                let text = Text { word, form }.shown();
                assert!((1..=1000).contains(&text.len()), "{text}");
                assert!(!text.contains(['\n', '\r', '\0']), "{text}");
            }
        }
    }

    #[test]
    fn long_texts_have_their_length() {
        let lengths: Vec<usize> = FORMS
            .iter()
            .filter(|form| form.group == Group::Long)
            .map(|form| Text { word: 1, form }.shown().len())
            .collect();
        assert_eq!(lengths, [100, 200, 300, 600, 1000]);
    }

    #[test]
    fn no_plain_text_is_part_of_another() {
        let texts: Vec<String> = (0..200).map(|word| Text::plain(word).shown()).collect();
        for (index, text) in texts.iter().enumerate() {
            let later = &texts[index + 1..];
            assert!(!later.contains(text), "{text}");
        }
        for word in WORDS {
            let within = WORDS.iter().filter(|other| other.contains(word)).count();
            assert_eq!(within, 1, "{word}");
        }
    }
}
