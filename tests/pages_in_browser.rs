//! The pages of a submission and a class, made of real runs and opened in a browser.
//!
//! Set `CONFORM_PAGES` to a folder to have the pages left there.

mod browser;
mod judging;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use browser::Browser;
use chat_conformance::conformance::judge::result::RunResult;
use chat_conformance::conformance::suite::Case;
use chat_conformance::conformance::suite::Suite;
use chat_conformance::grading::assessed_part::{AssessedPart, Unjudged};
use chat_conformance::grading::assessment::Assessment;
use chat_conformance::grading::class::Class;
use chat_conformance::grading::rubric::Rubric;
use chat_conformance::report::page;
use chat_conformance::transcript::syntax::Role;
use judging::{covers_any, example, run_command};
use serde_json::json;

/// A folder's name that would be markup, another path and an address if nothing were done about it.
const HOSTILE: &str = "<img src=x onerror=document.title=1>\"'&..%2f?#\u{202e}\u{1b}[31m";

/// The requirements that the runs are about.
const ROWS: &[&str] = &[
    "S-REG-1", "S-REG-2", "S-REG-5", "S-REG-6", "S-MSG-1", "S-MSG-2",
];

#[test]
#[ignore = "slow; CI runs it"]
fn a_failure_is_followed_to_its_diagram() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let folder = Folder::new("submission");
    let result = judged("echo");
    let assessment = assessed(HOSTILE, part(result));
    let file = folder.write(
        "report.html",
        &page::submission(&assessment, Some("../index.html")),
    );
    browser.open(&file);

    assert_is_harmless(&browser);
    browser.resize(1000, 500);
    let top = "return document.getElementById('server-S-MSG-2').getBoundingClientRect().top / innerHeight";
    let before = browser.run(top).as_f64().expect("a number");
    assert!(before > 1.0, "below what is seen first: {before}");
    browser.click("a.chip.fail[href='#server-S-MSG-2']");
    let after = browser.run(top).as_f64().expect("a number");
    assert!((0.0..0.5).contains(&after), "in view: {after}");

    let diagram = browser.run(
        "const drawn = document.querySelector('#server-S-MSG-2 svg[role=img]');
         const ring = drawn.querySelector('.moment .ring').getBoundingClientRect();
         return [drawn.querySelector('.moment').textContent, ring.width > 0,
                 drawn.querySelectorAll('.arrow').length > 3, drawn.querySelector('title').textContent]",
    );
    let words = diagram[0].as_str().expect("a text");
    assert!(words.starts_with('✗'), "{diagram}");
    assert_eq!([&diagram[1], &diagram[2]], [&json!(true), &json!(true)]);
    assert!(
        diagram[3].as_str().expect("a text").contains("server/"),
        "{diagram}"
    );

    assert_fits_a_phone(&browser);
    let overlapping = browser.run(LABELS_THAT_MEET);
    assert_eq!(overlapping, json!([]), "labels that meet");
}

#[test]
#[ignore = "slow; CI runs it"]
fn a_class_is_searched_and_sorted() {
    let Some(browser) = Browser::start() else {
        return;
    };
    let folder = Folder::new("class");
    let class = class_of_many();
    for one in &class.submissions {
        if !one.submission.contains('/') {
            let file = Path::new(&one.submission).join("report.html");
            folder.write(file, &page::submission(one, Some("../index.html")));
        }
    }
    browser.open(&folder.write("index.html", &page::class(&class)));

    assert_is_harmless(&browser);
    let number = class.submissions.len();
    assert_eq!(
        shown(&browser),
        (number, format!("{number} of {number} submissions shown"))
    );
    browser.type_into("#text", "student-01");
    let (rows, said) = shown(&browser);
    assert_eq!(
        (rows, said),
        (1, format!("1 of {number} submissions shown"))
    );
    browser.run("const text = document.getElementById('text'); text.value = ''; text.dispatchEvent(new Event('input'))");

    let fails = |one: &&Assessment| {
        let mut entries = one.score.parts.iter().flat_map(|part| &part.requirements);
        entries.any(|entry| entry.requirement.id == "S-MSG-2" && entry.reason.contains("expected"))
    };
    let failing = class.submissions.iter().filter(fails).count();
    assert!(0 < failing && failing < number, "{failing}");
    browser.run(
        "const failing = document.getElementById('failing');
         failing.value = 'server-S-MSG-2'; failing.dispatchEvent(new Event('change'))",
    );
    assert_eq!(shown(&browser).0, failing);
    browser.run("const failing = document.getElementById('failing'); failing.value = ''; failing.dispatchEvent(new Event('change'))");

    browser.click("#submissions thead th:nth-child(2) button");
    let marks = browser.run(
        "return Array.from(document.querySelectorAll('#submissions tbody tr'), row => Number(row.cells[1].textContent))",
    );
    let marks: Vec<f64> = serde_json::from_value(marks).expect("numbers");
    assert!(marks.is_sorted_by(|one, other| one >= other), "{marks:?}");
    let order =
        browser.run("return document.querySelector('#submissions thead th:nth-child(2)').ariaSort");
    assert_eq!(order, json!("descending"));

    let is_seen = "return document.querySelector('.clusters .names').checkVisibility()";
    assert_eq!(browser.run(is_seen), json!(false), "folded on a screen");
    browser.appear_as("print");
    assert_eq!(browser.run(is_seen), json!(true), "told on paper");
    let controls =
        browser.run("return document.getElementById('controls').getClientRects().length");
    assert_eq!(controls, json!(0));
    browser.appear_as("screen");

    assert_fits_a_phone(&browser);
    browser.run(&format!(
        "Array.from(document.querySelectorAll('#submissions tbody th a')).find(a => a.textContent.includes('onerror')).click(); return {number}"
    ));
    let title = browser.run("return document.title");
    assert!(
        title.as_str().expect("a text").contains("<img src=x"),
        "{title}"
    );
    assert_is_harmless(&browser);
}

/// What the labels of a diagram are that lie on each other.
const LABELS_THAT_MEET: &str = "
    const meeting = [];
    for (const drawn of document.querySelectorAll('.sequence svg')) {
        const texts = Array.from(drawn.querySelectorAll('text'), text => [text.textContent, text.getBoundingClientRect()]);
        const whole = drawn.getBoundingClientRect();
        texts.forEach(([words, one], at) => {
            if (one.width && (one.right > whole.right + 1 || one.left < whole.left - 1)) meeting.push([words, 'cut off']);
            for (const [other, two] of texts.slice(at + 1)) {
                if (one.width && two.width && one.left < two.right && two.left < one.right
                    && one.top + 2 < two.bottom && two.top + 2 < one.bottom) meeting.push([words, other]);
            }
        });
    }
    return meeting";

/// No script went wrong, nothing was loaded, and nothing that was said became an element.
fn assert_is_harmless(browser: &Browser) {
    let made = browser.run("return document.querySelectorAll('img, iframe, object, script[src], link:not([rel=icon]), [onerror]').length");
    assert_eq!(made, json!(0));
    let loaded = browser.run("return performance.getEntriesByType('resource').map(one => one.name).filter(name => !name.startsWith('data:'))");
    assert_eq!(loaded, json!([]));
    let policy = browser
        .run("return document.querySelector('meta[http-equiv=Content-Security-Policy]').content");
    assert!(
        policy
            .as_str()
            .expect("a text")
            .starts_with("default-src 'none';")
    );
    assert_eq!(browser.complaints(), Vec::<String>::new());
    assert_eq!(browser.requests(), Vec::<String>::new());
}

fn assert_fits_a_phone(browser: &Browser) {
    browser.resize(320, 700);
    let widths = browser.run(
        "document.querySelectorAll('details').forEach(one => one.open = true);
         return [document.documentElement.scrollWidth, document.body.scrollWidth, innerWidth]",
    );
    assert_eq!(widths, json!([320, 320, 320]));
}

/// How many rows are seen, and what is said of it.
fn shown(browser: &Browser) -> (usize, String) {
    let seen = browser.run(
        "return [Array.from(document.querySelectorAll('#submissions tbody tr')).filter(row => row.getClientRects().length).length,
                 document.getElementById('count').textContent]",
    );
    let number = seen[0]
        .as_u64()
        .and_then(|number| usize::try_from(number).ok());
    (
        number.expect("a number"),
        seen[1].as_str().expect("a text").to_owned(),
    )
}

/// Where pages are written.
struct Folder {
    path: PathBuf,
    _temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn new(name: &str) -> Folder {
        match std::env::var_os("CONFORM_PAGES") {
            Some(kept) => Folder {
                path: Path::new(&kept).join(name),
                _temporary: None,
            },
            None => {
                let folder = tempfile::tempdir().expect("a folder can be made");
                Folder {
                    path: folder.path().to_owned(),
                    _temporary: Some(folder),
                }
            }
        }
    }

    fn write(&self, file: impl AsRef<Path>, page: &str) -> PathBuf {
        let file = self.path.join(file);
        fs::create_dir_all(file.parent().expect("is in a folder")).expect("a folder can be made");
        fs::write(&file, page).expect("can be written");
        file
    }
}

/// A server with this fault, judged by a few transcripts.
fn judged(fault: &str) -> RunResult {
    let program = example("faulty-server");
    assert!(
        Path::new(&program).is_file(),
        "{program} is not there: `cargo build --examples` builds it"
    );
    let command = vec![program, "--fault".to_owned(), fault.to_owned()];
    let is_wanted =
        |_: usize, case: &Case| covers_any(case, ROWS) && !judging::takes_its_time(case);
    let patience = Duration::from_secs(1);
    run_command(command, Role::Server, 6, patience, is_wanted)
        .unwrap_or_else(|why| panic!("{why:?}"))
}

fn part(result: RunResult) -> AssessedPart {
    AssessedPart {
        role: result.role,
        command: result.command.clone(),
        ruled_out: Vec::new(),
        result: Ok(result),
    }
}

fn assessed(name: &str, part: AssessedPart) -> Assessment {
    let requirements = Suite::embedded().expect("the suite is right").requirements;
    let rubric = Rubric::built_in(&requirements).expect("the rubric is right");
    Assessment::of(name.to_owned(), vec![part], &requirements, &rubric)
}

/// Sixty submissions with a handful of faults among them.
fn class_of_many() -> Class {
    let kinds = [
        "none",
        "echo",
        "misspelt-200",
        "other-401",
        "registration-unanswered",
    ]
    .map(judged);
    let mut submissions: Vec<Assessment> = (0..62)
        .map(|number| {
            let name = format!("student-{number:02}");
            assessed(
                &name,
                part(kinds[number * number / 3 % kinds.len()].clone()),
            )
        })
        .collect();
    submissions.push(assessed(HOSTILE, part(kinds[1].clone())));
    let unbuilt = AssessedPart {
        role: Role::Server,
        command: vec!["make".to_owned()],
        ruled_out: Vec::new(),
        result: Err(Unjudged {
            reason: "make ended with exit status 2".to_owned(),
            output: "server.c:41:5: error: expected ';' before '}' token\n   41 |     }\n      |     ^\n".to_owned(),
            is_its_own_fault: true,
        }),
    };
    submissions.push(assessed("not built", unbuilt));
    let requirements = Suite::embedded().expect("the suite is right").requirements;
    Class::of(
        "Networks, assignment 1".to_owned(),
        submissions,
        requirements,
    )
}
