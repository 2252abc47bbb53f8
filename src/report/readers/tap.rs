//! TAP, read by Perl's own parser, the one behind `prove`.

use super::super::{fixture, formats::tap};
use super::{files, is_there, printed};
use crate::conformance::judge::result::Verdict;
use crate::grading::assessment::Assessment;

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
    let texts: Vec<String> = assessments.iter().map(tap::render).collect();
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
        fixture::good_submission(),
        fixture::faulty_submission(),
        fixture::unjudged_submission(),
    ]);
    assert_eq!(counts[0], "15 15 0 0 0 0");
    // Five requirements fail, one is blocked, one sometimes holds; one is not in the suite, and one that does not count is
    // unsure.
    assert_eq!(counts[1], "15 15 6 1 1 7");
    let unjudged = fixture::unjudged_submission();
    let skipped = unjudged.score.parts[0].requirements.len();
    let all = skipped + 3;
    assert_eq!(counts[2], format!("{all} {all} 1 {skipped} 0 1"));
}

#[test]
fn nothing_that_is_said_changes_what_is_counted() {
    if !is_there("prove", "TAP") {
        return;
    }
    let hostile = fixture::hostile_submissions();
    for (assessment, counts) in hostile.iter().zip(counted(&hostile)) {
        let is_judged = assessment.parts[0].result.is_ok();
        if is_judged {
            assert_eq!(counts, "15 15 6 1 1 7", "{:?}", assessment.submission);
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
    let (_folder, files) = files(&[tap::render(&fixture::good_submission())], "tap");
    let said = printed("prove", &["--exec", "cat", &files[0]]);
    assert!(said.contains("Result: PASS"), "{said}");
}
