//! JUnit XML, read by Python's parser and checked against a schema by xmllint.

use super::super::{fixture, formats::junit};
use super::{files, is_there, printed};

/// Prints for each file the root's name, and checks that each suite counts what is in it.
const COUNT: &str = "
import sys, xml.etree.ElementTree as tree
for file in sys.argv[1:]:
    root = tree.parse(file).getroot()
    for level in [root] + list(root):
        cases = level.findall('.//testcase')
        assert int(level.get('tests')) == len(cases) > 0, file
        for kind, total in (('failure', 'failures'), ('error', 'errors'), ('skipped', 'skipped')):
            told = [case for case in cases if case.find(kind) is not None]
            assert int(level.get(total)) == len(told), (file, kind)
    names = sorted({element.tag for element in root.iter()})
    allowed = {'testsuites', 'testsuite', 'properties', 'property', 'testcase',
               'failure', 'error', 'skipped', 'system-out'}
    assert set(names) <= allowed, (file, names)
    print(ascii(root.get('name')))
";

fn texts() -> Vec<String> {
    fixture::submissions().iter().map(junit::render).collect()
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
