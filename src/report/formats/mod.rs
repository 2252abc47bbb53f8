//! Reports for other programs, one file a format, by the names that users give the formats.
//!
//! - On one submission: [`submission_json`], [`junit`], [`tap`], [`github`], [`gradescope`] and [`classroom50`],
//!   which read [`crate::grading::assessment`]; a page for a browser counts as a format too.
//! - On a class: [`class_csv`] and [`class_json`], which read [`crate::grading::class`].
//! - On one program: [`json`], which reads [`crate::conformance::judge::result`].
//! - On who can talk to whom in a class: [`matrix_json`].
//! - On a load test: [`stress_json`].

pub mod class_csv;
pub mod class_json;
pub mod classroom50;
pub mod github;
pub mod gradescope;
pub mod json;
pub mod junit;
pub mod matrix_json;
pub mod stress_json;
pub mod submission_json;
pub mod tap;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::page;
use crate::grading::assessment::Assessment;
use crate::transcript::nearest;

/// A format of reports on one submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Everything that is known; see [`submission_json`].
    Json,
    /// A page for a browser.
    Html,
    /// JUnit XML.
    Junit,
    /// The Test Anything Protocol.
    Tap,
    /// Annotations of GitHub Actions.
    Github,
    /// The page that GitHub Actions shows of a step.
    GithubSummary,
    /// Gradescope's `results.json`.
    Gradescope,
    /// Classroom 50's `result.json`.
    Classroom50,
}

impl Format {
    /// Every format.
    pub const fn all() -> &'static [Format] {
        &[
            Format::Json,
            Format::Html,
            Format::Junit,
            Format::Tap,
            Format::Github,
            Format::GithubSummary,
            Format::Gradescope,
            Format::Classroom50,
        ]
    }

    fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Html => "html",
            Format::Junit => "junit",
            Format::Tap => "tap",
            Format::Github => "github",
            Format::GithubSummary => "github-summary",
            Format::Gradescope => "gradescope",
            Format::Classroom50 => "classroom50",
        }
    }
}

/// The report in this format. `variable` looks up a variable of the environment: Classroom 50 names the student and the
/// assignment there.
pub fn render(
    format: Format,
    assessment: &Assessment,
    variable: impl Fn(&str) -> Option<String>,
) -> String {
    match format {
        Format::Json => submission_json::render(assessment),
        Format::Html => page::submission(assessment, None),
        Format::Junit => junit::render(assessment),
        Format::Tap => tap::render(assessment),
        Format::Github => github::render(assessment),
        Format::GithubSummary => github::step_summary(assessment),
        Format::Gradescope => gradescope::render(assessment),
        Format::Classroom50 => classroom50::render(assessment, variable),
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(word: &str) -> Result<Format, String> {
        let named = Format::all().iter().find(|format| format.name() == word);
        named.copied().ok_or_else(|| unknown(word))
    }
}

fn unknown(word: &str) -> String {
    let names = || Format::all().iter().map(|format| format.name());
    let meant = match nearest(word, names()) {
        Some(name) => format!("did you mean `{name}`? "),
        None => String::new(),
    };
    let all: Vec<&str> = names().collect();
    format!(
        "`{word}` is not a report format; {meant}the formats are: {}",
        all.join(", ")
    )
}

/// A requested report: `FORMAT=FILE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportOption {
    /// In this format.
    pub format: Format,
    /// Where to write it; `-` is standard output.
    pub file: PathBuf,
}

impl FromStr for ReportOption {
    type Err = String;

    fn from_str(text: &str) -> Result<ReportOption, String> {
        let Some((format, file)) = text.split_once('=') else {
            let format = Format::from_str(text)?;
            return Err(format!("`{format}` needs a file: {format}=FILE"));
        };
        let format = Format::from_str(format)?;
        if file.is_empty() {
            return Err(format!("`{format}=` needs a file: {format}=FILE"));
        }
        let file = PathBuf::from(file);
        Ok(ReportOption { format, file })
    }
}

impl fmt::Display for ReportOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.format, self.file.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_its_own_name() {
        for format in Format::all() {
            assert_eq!(format.to_string().parse(), Ok(*format));
        }
    }

    #[test]
    fn an_option_is_a_format_and_a_file() {
        let option: ReportOption = "junit=out/a=b.xml".parse().expect("is right");
        assert_eq!(
            (option.format, option.file),
            (Format::Junit, PathBuf::from("out/a=b.xml"))
        );
    }

    #[test]
    fn an_invalid_option_is_explained() {
        for (option, message) in [
            (
                "junti=x",
                "`junti` is not a report format; did you mean `junit`? the formats are: json, html, junit, tap,",
            ),
            (
                "qqqq=x",
                "`qqqq` is not a report format; the formats are: json,",
            ),
            ("tap", "`tap` needs a file: tap=FILE"),
            ("tap=", "`tap=` needs a file: tap=FILE"),
            (
                "x.xml",
                "`x.xml` is not a report format; the formats are: json",
            ),
        ] {
            let error = option.parse::<ReportOption>().expect_err(option);
            assert!(error.starts_with(message), "{error}");
        }
    }
}
