//! JUnit XML, read by Python's parser and checked against a schema by xmllint.

use chat_conformance::report::formats::junit::render;

use crate::recorded;
use crate::tools::{files, is_there, printed};

#[test]
fn a_transcript_is_a_case_with_its_place() {
    let xml = render(&recorded::faulty_submission());
    assert!(
        xml.contains(
            "<testcase name=\"refused\" classname=\"server.registration\" time=\"0.600\" \
             file=\"conformance/server/registration/refused.chat\" line=\"9\">\n            \
             <failure message=\"expected the line `401 ...`, got: the line `200 Registration successful`\" \
             type=\"S-REG-5\">"
        ),
        "{xml}"
    );
    assert!(
        xml.contains("S-REG-5: The server answers a registration"),
        "{xml}"
    );
    assert!(xml.contains("What to look at: Look the name up"), "{xml}");
}

#[test]
fn each_suite_counts_what_is_in_it() {
    let xml = render(&recorded::faulty_submission());
    for counts in [
        "<testsuites name=\"bob\" tests=\"16\" skipped=\"3\" failures=\"4\" errors=\"1\"",
        "<testsuite name=\"server\" tests=\"14\" skipped=\"3\" errors=\"1\" failures=\"3\"",
        "<testsuite name=\"client\" tests=\"2\" skipped=\"0\" errors=\"0\" failures=\"1\"",
    ] {
        assert!(xml.contains(counts), "{counts}\n{xml}");
    }
    assert!(xml.contains("<skipped message=\"blocked: S-REG-5 fails\"/>"));
    assert!(xml.contains("<skipped message=\"not counted (unsure): "));
}

#[test]
fn a_program_that_was_not_judged_is_one_case() {
    let xml = render(&recorded::not_built_submission());
    assert!(
        xml.contains(
            "<failure message=\"The build ends with exit status 2.\" type=\"not judged\">"
        )
    );
    assert!(
        xml.contains("<system-out>server.c:3: error: expected &quot;;&quot;"),
        "{xml}"
    );
    let xml = render(&recorded::unjudged_submission());
    assert!(
        xml.contains("<error message=\"There is no no-such-interpreter on this machine, but the command needs it.\""),
        "{xml}"
    );
    assert!(!xml.contains("<failure"), "{xml}");
}

/// Prints for each file the root's name, and checks that each suite counts what is in it.
const COUNT: &str = "
import sys, xml.etree.ElementTree as tree
for file in sys.argv[1:]:
    root = tree.parse(file).getroot()
    for level in [root] + list(root):
        cases = level.findall('.//testcase')
        assert int(level.get('tests')) == len(cases) > 0, file
        for kind, total in (('failure', 'failures'), ('error', 'errors'), ('skipped', 'skipped')):
            found = [case for case in cases if case.find(kind) is not None]
            assert int(level.get(total)) == len(found), (file, kind)
    names = sorted({element.tag for element in root.iter()})
    allowed = {'testsuites', 'testsuite', 'properties', 'property', 'testcase',
               'failure', 'error', 'skipped', 'system-out'}
    assert set(names) <= allowed, (file, names)
    print(ascii(root.get('name')))
";

fn texts() -> Vec<String> {
    recorded::submissions().iter().map(render).collect()
}

#[test]
fn python_reads_it_and_counts_the_same() {
    if !is_there("python3", "JUnit XML") {
        return;
    }
    let (_folder, files) = files(&texts(), "xml");
    let mut arguments = vec!["-c", COUNT];
    arguments.extend(files.iter().map(String::as_str));
    let names = printed("python3", &arguments);
    assert_eq!(names.lines().count(), files.len());
    assert!(names.starts_with("'alice'\n'bob'\n"), "{names}");
}

#[test]
fn it_is_as_the_schema_says() {
    if !is_there("xmllint", "JUnit XML's schema") {
        return;
    }
    let (_folder, files) = files(&texts(), "xml");
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas/junit.xsd");
    let mut arguments = vec!["--noout", "--schema", schema];
    arguments.extend(files.iter().map(String::as_str));
    printed("xmllint", &arguments);
}
