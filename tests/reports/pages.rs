//! The pages as text; in a browser they are tried by `tests/pages_in_browser.rs`.

use chat_conformance::grading::assessed_part::Unjudged;
use chat_conformance::grading::class::Class;
use chat_conformance::report::page::{class, submission};
use chat_conformance::transcript::syntax::Role;

use crate::recorded::{self, HOSTILE, of_parts as assessment};
use crate::{assert_has, unseen};

/// What would be markup and script if it were not escaped.
const MARKUP: &str = "<img src=x onerror=alert(1)>\"'&amp;</style></script>";

fn page() -> String {
    let parts = vec![Ok(recorded::server()), Ok(recorded::client())];
    submission(&assessment("ann", parts), Some("../index.html"))
}

#[test]
fn the_page_says_what_fails_why_and_what_to_change() {
    assert_has(
        &page(),
        &[
            "href=\"../index.html\"",
            "<h1><span class=\"said\">ann</span></h1>",
            "Worth most: ",
            "href=\"#server-S-REG-5\"",
            "<section class=\"requirement\" id=\"server-S-REG-5\"",
            "The server answers a registration under a name in use with status 401, and the name stays with its first holder.",
            "“If the user name given during registration",
            "What to change: </span>Look the name up",
            "<dt>expected</dt><dd><code><mark>401</mark></code>",
            "<dt>received</dt>",
            "failed here",
            "<svg role=\"img\"",
            "✗ not what line 9 expects",
            "Blocked by S-REG-5: 1 requirement",
            "It fails in 1 of 3 runs: line 4: ",
            "<caption>Server: ",
        ],
    );
}

#[test]
fn the_arrow_that_brought_what_is_wrong_is_marked() {
    let page = page();
    assert_has(
        &page,
        &[
            "<g class=\"event failing\">",
            "class=\"label\"",
            "✗ 200 Registration successful",
        ],
    );
    assert_has(
        &page,
        &["Traceback (most recent call last):", "ConnectionResetError"],
    );
}

#[test]
fn every_link_within_a_page_leads_somewhere_and_no_id_is_there_twice() {
    let page = page();
    let ids: Vec<&str> = page
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{ids:?}");
    let mut links = page.split("href=\"#").skip(1);
    assert!(links.clone().count() > 10);
    let broken = links.find(|rest| !ids.contains(&rest.split('"').next().unwrap_or("")));
    assert_eq!(broken, None);
}

#[test]
fn a_program_that_was_not_judged_says_why_and_what_was_printed() {
    let why = Unjudged {
        reason: "make ended with status 2".to_owned(),
        output: format!("client.c:3: error\n\tx{MARKUP}\x1b[31m"),
        is_its_own_fault: true,
    };
    let parts = vec![Ok(recorded::good()), Err((Role::Client, why))];
    let page = submission(&assessment("ann", parts), None);
    assert_has(
        &page,
        &[
            "The client was not judged: ",
            "make ended with status 2",
            "<pre>client.c:3: error\n    x&lt;img",
            "\\x1b[31m</pre>",
        ],
    );
    assert!(!page.contains("not the submission's fault"));
    assert!(!page.contains("<nav"), "no way back where there is none");
}

#[test]
fn nothing_that_was_said_is_markup_or_unseen() {
    let mut result = recorded::hostile();
    let say = format!("{HOSTILE}{MARKUP}");
    result.command = vec![say.clone()];
    result.remarks = vec![say.clone()];
    for judged in &mut result.transcripts {
        judged.case.name.push_str(MARKUP);
    }
    let hostile = assessment(&say, vec![Ok(result)]);
    let pages = [
        submission(&hostile, None),
        class(&Class::of(
            say.clone(),
            vec![hostile],
            recorded::requirements(),
        )),
    ];
    for page in pages {
        assert_eq!(unseen(&page), None);
        assert!(!page.contains("<img"), "{page}");
        assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;"));
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.matches("</script>").count() <= 1);
    }
}

#[test]
fn a_class_tells_its_marks_its_clusters_and_every_submission() {
    let fails = |name| assessment(name, vec![Ok(recorded::server())]);
    let submissions = vec![
        fails("bob smith"),
        assessment("carol", vec![Ok(recorded::good())]),
        fails("ann"),
    ];
    let requirements = recorded::requirements();
    let page = class(&Class::of("networks".to_owned(), submissions, requirements));
    assert_has(
        &page,
        &[
            "script-src 'sha256-",
            "3 submissions",
            "Distribution of the marks",
            "<strong>2 submissions, ",
            "href=\"ann/report.html#server-S-REG-5\"",
            "bob%20smith/report.html#server-S-REG-5",
            "<option value=\"server-S-REG-5\">S-REG-5 (server): 2</option>",
            "<tr data-fails=\"server-S-REG-5 ",
            "<tr data-fails=\"\">",
        ],
    );
}
