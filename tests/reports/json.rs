//! The reports in JSON: of a program, a submission and a class.

use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::triage::{Cluster, clusters};
use chat_conformance::report::formats::{class_json, json, submission_json};
use serde_json::Value;

use crate::tools::read;
use crate::{recorded, unseen};

fn result(judged: &RunResult) -> Value {
    serde_json::from_str(&json::render(judged)).expect("is JSON")
}

fn entry<'a>(document: &'a Value, name: &str) -> &'a Value {
    let transcripts = document["transcripts"].as_array().expect("a list");
    let named = transcripts.iter().find(|entry| entry["name"] == name);
    named.expect("is among the transcripts")
}

#[test]
fn the_document_is_as_the_schema_says() {
    let document = result(&recorded::server());
    assert_eq!(document["schema"], "chat-conformance/result/2");
    assert_eq!(document["program"]["role"], "server");
    assert_eq!(document["program"]["command"][0], "python3");
    assert_eq!(document["dialect"], "line");
    assert_eq!(document["passes"], false);
    let first = &document["requirements"][0];
    assert_eq!(first["id"], "W-LINE-1");
    assert_eq!(first["level"], "implied");
    assert_eq!(first["verdict"], "pass");
    assert_eq!(first["transcripts"][0], "server/wire/line-end");
}

#[test]
fn a_failure_has_its_line_and_what_was_expected_and_received() {
    let document = result(&recorded::server());
    let failed = entry(&document, "server/registration/refused");
    assert_eq!(failed["verdict"], "fail");
    assert_eq!(failed["covers"], serde_json::json!(["S-REG-5", "S-REG-7"]));
    assert_eq!(failed["fails"], serde_json::json!(["S-REG-5"]));
    assert_eq!(failed["line"], 9);
    assert_eq!(failed["expected"], "the line `401 ...`");
    assert!(
        failed["received"]
            .as_str()
            .is_some_and(|text| text.contains("200"))
    );
    assert!(
        failed["events"]
            .as_array()
            .is_some_and(|events| !events.is_empty())
    );
}

#[test]
fn nothing_is_left_out_where_nothing_applies() {
    let document = result(&recorded::server());
    let passed = entry(&document, "server/wire/line-end");
    for field in [
        "line",
        "expected",
        "received",
        "blocked_by",
        "reason",
        "events",
    ] {
        assert_eq!(passed.get(field), Some(&Value::Null), "{field}");
    }
}

#[test]
fn the_same_result_is_the_same_text() {
    assert_eq!(
        json::render(&recorded::server()),
        json::render(&recorded::server())
    );
    assert!(json::render(&recorded::server()).ends_with("}\n"));
}

#[test]
fn nothing_hostile_is_in_it_and_nothing_is_lost() {
    let result = recorded::hostile();
    let json = json::render(&result);
    assert_eq!(unseen(&json), None);
    let document: Value = serde_json::from_str(&json).expect("is JSON");
    assert_eq!(document["program"]["command"][0], recorded::HOSTILE);
}

fn submission(assessment: &Assessment) -> Value {
    read(&submission_json::render(assessment))
}

fn class(class: &Class) -> Value {
    read(&class_json::render(class))
}

#[test]
fn it_has_the_points_and_the_result_of_each_program() {
    let document = submission(&recorded::faulty_submission());
    assert_eq!(document["schema"], "chat-conformance/submission/2");
    assert_eq!(document["submission"], "bob");
    assert_eq!(document["points"]["possible"], 100.0);
    assert_eq!(document["doubts"][0], "server: S-PORT-2 is unsure.");
    let server = &document["parts"][0];
    assert_eq!(server["role"], "server");
    assert_eq!(server["unjudged"], Value::Null);
    assert_eq!(server["result"]["schema"], "chat-conformance/result/2");
    let blocked = &server["requirements"][6];
    assert_eq!(
        (&blocked["id"], &blocked["verdict"]),
        (&"S-REG-7".into(), &"blocked".into())
    );
    assert_eq!(blocked["blocked_by"][0], "S-REG-5");
    assert_eq!(document["repairs"][0]["requirement"], "C-MSG-3");
}

#[test]
fn what_was_not_judged_says_why_and_has_no_result() {
    let document = submission(&recorded::unjudged_submission());
    let server = &document["parts"][0];
    assert_eq!(server["result"], Value::Null);
    assert_eq!(
        server["unjudged"]["reason"],
        "There is no no-such-interpreter on this machine, but the command needs it."
    );
    assert_eq!(server["unjudged"]["is_its_own_fault"], false);
}

#[test]
fn it_has_every_submission_and_every_cluster() {
    let document = class(&recorded::class());
    assert_eq!(document["schema"], "chat-conformance/class/2");
    assert_eq!(document["name"], "networks");
    assert_eq!(document["submissions"][0]["submission"], "alice");
    assert_eq!(document["submissions"][0]["points"]["earned"], 100.0);
    let failed = &document["submissions"][1]["parts"][0]["requirements"][5];
    assert_eq!(
        (&failed["id"], &failed["verdict"]),
        (&"S-REG-5".into(), &"fail".into())
    );
    let cluster = &document["clusters"][0];
    assert_eq!(
        (&cluster["count"], &cluster["exemplar"]),
        (&2.into(), &"bob".into())
    );
    assert_eq!(
        document["statistics"]["count"],
        recorded::class().submissions.len()
    );
}

#[test]
fn a_program_that_never_starts_is_in_a_cluster_of_its_own() {
    let never = recorded::of_parts("gina", vec![Ok(recorded::ends_at_once())]);
    let found = clusters(&[never, recorded::faulty_submission()]);
    let told: Vec<String> = found.iter().map(Cluster::sentence).collect();
    let sentence = "the server ends right after its start, whatever is asked of it";
    assert_eq!(
        told.iter().filter(|one| *one == sentence).count(),
        1,
        "{told:?}"
    );
}

/// The names of all fields in it, for tests.
fn names(value: &serde_json::Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let below = |(name, value): (&String, &Value)| {
                let mut found = vec![name.clone()];
                found.extend(names(value));
                found
            };
            fields.iter().flat_map(below).collect()
        }
        Value::Array(items) => items.iter().flat_map(names).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_field_is_in_the_page_for_users() {
    let page = include_str!("../../docs/results.md");
    let mut documents = vec![result(&recorded::server()), class(&recorded::class())];
    documents.extend(recorded::submissions().iter().map(submission));
    for name in documents.iter().flat_map(names) {
        let field = format!("`{name}`");
        assert!(page.contains(&field), "{name} is not in docs/results.md");
    }
}

#[test]
fn json_of_submissions_and_classes_loses_nothing() {
    for assessment in recorded::submissions() {
        let document: serde_json::Value = read(&submission_json::render(&assessment));
        assert_eq!(document["submission"], assessment.submission.as_str());
        if let Ok(result) = &assessment.parts[0].result {
            let own: serde_json::Value = read(&json::render(result));
            assert_eq!(document["parts"][0]["result"], own);
        }
    }
    let class = recorded::hostile_class();
    let document: serde_json::Value = read(&class_json::render(&class));
    for (index, assessment) in class.submissions.iter().enumerate() {
        assert_eq!(
            document["submissions"][index]["submission"],
            assessment.submission.as_str()
        );
    }
}
