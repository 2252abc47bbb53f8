//! The canonical format of a transcript.

use chat_conformance::transcript::format;

#[track_caller]
fn formatted(source: &str, expected: &str) {
    assert_eq!(
        format(source).expect("a transcript without faults"),
        expected
    );
    assert_eq!(format(expected).expect("still without faults"), expected);
}

#[test]
fn words_arrows_and_blank_lines_are_formatted() {
    formatted(
        "

#A name in use is refused,
#   and its first holder keeps it.  \t


  covers   S-REG-5\tS-REG-7
#why
alice   joins
\tbob joins



impostor connects
impostor   > REGISTER  alice CHAT/1.0
bob < 401 ...
alice sends   \"a  b\"   3   times
bob > @bob: still there?
alice < @bob: still there?
# between
impostor hears nothing


",
        "\
# A name in use is refused,
#   and its first holder keeps it.
covers S-REG-5 S-REG-7

# why
alice joins
bob joins

impostor connects
impostor > REGISTER  alice CHAT/1.0
bob      < 401 ...
alice sends \"a  b\" 3 times
bob   > @bob: still there?
alice < @bob: still there?
# between
impostor hears nothing
",
    );
}

#[test]
fn text_after_an_arrow_is_unchanged() {
    formatted(
        "# A sentence.\r\ncovers S-REG-3\r\n\r\na joins\r\na >\r\na > \r\na >   \r\nbob joins\r\nbob <\t\tx \r\n",
        "# A sentence.\ncovers S-REG-3\n\na joins\na >\na >\na >   \nbob joins\nbob < \tx \n",
    );
}

#[test]
fn a_blank_line_ends_a_block_of_speech() {
    formatted(
        "# A sentence.\ncovers S-REG-3\nal joins\nbob joins\nal > 1\n\nbob < 1\n# c\nal < 2\nbob > 3\n",
        "# A sentence.\ncovers S-REG-3\n\nal joins\nbob joins\nal > 1\n\nbob < 1\n# c\nal  < 2\nbob > 3\n",
    );
}

#[test]
fn other_comments_stay_apart_from_the_sentence() {
    formatted(
        "# A sentence.\n\n\n# About something.\n\ncovers S-REG-3\n\n\n#\n\nalice joins\n# The end.",
        "# A sentence.\n\n# About something.\ncovers S-REG-3\n\n#\n\nalice joins\n# The end.\n",
    );
}

#[test]
fn errors_are_reported_instead_of_formatting() {
    let faults = format("# A sentence.\ncovers S-REG-3\nalice jions\nbob jions\n");
    assert_eq!(faults.expect_err("two faults").len(), 2);
}
