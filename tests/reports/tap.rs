//! TAP, read by Perl's own parser, the one behind `prove`.

use chat_conformance::conformance::judge::result::Verdict;
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::report::formats::tap::render;

use crate::recorded;
use crate::tools::{files, is_there, printed};

#[test]
fn what_costs_points_is_not_ok_and_says_why() {
    let tap = render(&recorded::faulty_submission());
    assert!(
        tap.starts_with("TAP version 13\n1..17\n# submission bob: "),
        "{tap}"
    );
    for part in [
        "\nok 5 - S-REG-1 The server answers REGISTER, a new name and CHAT/1.0 with status 200.\n",
        "\nnot ok 6 - S-REG-5 The server answers a registration",
        "  severity: \"fails\"\n",
        "  file: \"conformance/server/registration/refused.chat\"\n  line: 9\n",
        "\nnot ok 7 - S-REG-7 ",
        "  blocked_by: \"S-REG-5\"\n",
        "  advice: \"Look the name up",
        "\n# check this mark: server: S-PORT-2 is unsure.\n",
    ] {
        assert!(tap.contains(part), "{part}\n{tap}");
    }
}

#[test]
fn what_does_not_count_fails_nothing() {
    let tap = render(&recorded::faulty_submission());
    assert!(tap.contains(" # TODO not counted, unsure\n"), "{tap}");
    let tap = render(&recorded::unjudged_submission());
    assert_eq!(tap.matches("\nnot ok ").count(), 1, "{tap}");
    assert!(
        tap.contains("\nnot ok 1 - the server is judged\n  ---\n  message: \"There is no no-such"),
        "{tap}"
    );
    assert!(
        tap.contains(" # SKIP not judged on this machine\n"),
        "{tap}"
    );
}

/// For each file: points planned, read, that fail, that are skipped, TODO; blocks of YAML; and what is wrong.
const COUNT: &str = r#"
use TAP::Parser;
for my $file (@ARGV) {
    open my $tap, '<:raw', $file or die $!;
    my $parser = TAP::Parser->new({ tap => join '', <$tap> });
    my $yaml = 0;
    while (my $result = $parser->next) {
        die "$file: ", $result->as_string if $result->is_unknown || $result->is_bailout;
        $yaml += 1 if $result->is_yaml && keys %{ $result->data };
    }
    print join(' ', $parser->tests_planned, $parser->tests_run, scalar $parser->failed,
        scalar $parser->skipped, scalar $parser->todo, $yaml, $parser->parse_errors), "\n";
}
"#;

fn counted(assessments: &[Assessment]) -> Vec<String> {
    let texts: Vec<String> = assessments.iter().map(render).collect();
    let (_folder, files) = files(&texts, "tap");
    let mut arguments = vec!["-e", COUNT];
    arguments.extend(files.iter().map(String::as_str));
    let printed = printed("perl", &arguments);
    printed.lines().map(str::to_owned).collect()
}

#[test]
fn perl_counts_what_costs_points() {
    if !is_there("prove", "TAP") {
        return;
    }
    let counts = counted(&[
        recorded::good_submission(),
        recorded::faulty_submission(),
        recorded::unjudged_submission(),
    ]);
    assert_eq!(counts[0], "17 17 0 3 0 0");
    // Four requirements fail, one is blocked, and one passes sometimes. No transcript tests S-MSG-6 or a client's line
    // ends. One that does not count is unsure.
    assert_eq!(counts[1], "17 17 6 3 1 7");
    let unjudged = recorded::unjudged_submission();
    let skipped = unjudged.score.parts[0].requirements.len();
    let all = skipped + 5;
    let skipped = skipped + 2;
    assert_eq!(counts[2], format!("{all} {all} 1 {skipped} 0 1"));
}

#[test]
fn nothing_that_is_said_changes_what_is_counted() {
    if !is_there("prove", "TAP") {
        return;
    }
    let hostile = recorded::hostile_submissions();
    for (assessment, counts) in hostile.iter().zip(counted(&hostile)) {
        let is_judged = assessment.parts[0].result.is_ok();
        if is_judged {
            assert_eq!(counts, "17 17 6 3 1 7", "{:?}", assessment.submission);
        } else {
            let entries = assessment
                .score
                .parts
                .iter()
                .flat_map(|part| &part.requirements);
            let untested = entries.filter(|entry| entry.verdict == Verdict::Untested);
            let all = (untested.count() + 2).to_string();
            assert!(counts.starts_with(&format!("{all} {all} ")), "{counts}");
            assert_eq!(counts.split(' ').count(), 6, "{counts}");
        }
    }
}

#[test]
fn prove_says_that_a_good_submission_passes() {
    if !is_there("prove", "TAP") {
        return;
    }
    let (_folder, files) = files(&[render(&recorded::good_submission())], "tap");
    let said = printed("prove", &["--exec", "cat", &files[0]]);
    assert!(said.contains("Result: PASS"), "{said}");
}
