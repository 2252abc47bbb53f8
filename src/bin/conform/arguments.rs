//! What `conform` can be told.

use std::path::PathBuf;

use chat_conformance::conformance::dialect::Dialect;
use chat_conformance::conformance::limits::Limits;
use chat_conformance::conformance::requirement::Level;
use chat_conformance::conformance::supervisor::Stage;
use chat_conformance::grading::store::Shard;
use chat_conformance::report::format::ReportOption;
use chat_conformance::{client, server};
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_STATUS: &str = "\
Exit status: 0 every requirement that counts holds, 1 the subject falls short, 2 wrong use,
3 the harness could not do its work, 130 interrupted.

Examples:
  conform                                     the bundled server and client
  conform server -- python3 my_server.py      your server
  conform client -- python3 my_client.py      your client, given a name and an address
  conform grade submissions                   a class, one folder a submission
  conform explain S-REG-5                     what a requirement asks";

/// Judge CHAT/1.0 servers and clients, in any language, by replaying conversations.
///
/// Without a command: the whole suite against the bundled server and client.
#[derive(Debug, Parser)]
#[command(name = "conform", version, after_help = EXIT_STATUS)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Judge a server: started afresh for each transcript, or running already
    Server(ServerCommand),
    /// Judge a client: started at a terminal of its own for each transcript
    Client(ClientCommand),
    /// Grade a class: each folder in a folder is a submission
    Grade(GradeCommand),
    /// Show which requirement has which transcripts
    List(SuiteOption),
    /// Say what a requirement or a transcript asks
    Explain(ExplainCommand),
    /// Give transcripts their canonical layout
    Fmt(FormatCommand),
    #[command(flatten)]
    Stage(Stage),
    /// The bundled server
    #[command(hide = true)]
    ReferenceServer(server::Arguments),
    /// The bundled client
    #[command(hide = true)]
    ReferenceClient(client::Arguments),
}

#[derive(Debug, Args)]
pub struct ServerCommand {
    /// Judge a server that is running already, at chat://host:port
    #[arg(long, value_name = "ADDRESS", conflicts_with = "command")]
    pub at: Option<String>,
    /// Program and arguments that start the server
    #[arg(trailing_var_arg = true, value_name = "COMMAND", required_unless_present = "at")]
    pub command: Vec<String>,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Args)]
pub struct ClientCommand {
    /// Program and arguments that start the client; name and chat://host:port are appended, or put
    /// where {name}, {url}, {host} and {port} stand
    #[arg(trailing_var_arg = true, value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Args)]
pub struct GradeCommand {
    /// Folder with a folder for each submission
    #[arg(value_name = "DIRECTORY", required_unless_present_any = ["again", "merge"])]
    pub directory: Option<PathBuf>,
    /// Where the results are put [default: beside DIRECTORY, as DIRECTORY-results]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// What holds is worth how much [default: the rubric beside the results, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub rubric: Option<PathBuf>,
    /// Go on with results that are there: examine what is missing, was changed, or is doubtful
    #[arg(long)]
    pub resume: bool,
    /// Score the results in DIR once more, without starting any program
    #[arg(long, value_name = "RESULTS", conflicts_with_all = ["directory", "out", "resume", "merge", "shard"])]
    pub again: Option<PathBuf>,
    /// Put the results of parts of a class together in --out
    #[arg(long, value_name = "RESULTS", num_args = 1.., conflicts_with_all = ["directory", "resume", "shard"])]
    pub merge: Vec<PathBuf>,
    /// Only the K-th of N parts of the class, by the submissions' names
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    pub shard: Shard,
    /// How many submissions side by side [default: twice the processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// After how many submissions the bundled reference is examined, to see that the machine is fit
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub control_every: u16,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    #[command(flatten)]
    pub suite: SuiteOption,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, Args)]
pub struct RunOptions {
    /// Only transcripts whose name, or one of whose requirements, matches: 'server/registration/*', 'S-MSG-*'
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// Only requirements at least as binding as this
    #[arg(long, value_enum, default_value_t = LevelOption::Hardening)]
    pub level: LevelOption,
    /// How many transcripts to replay at the same time [default: twice the processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Where the program's messages end: line, bare or length, or how it reads / how it writes, such as
    /// line/bare [default: found out]
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
    /// How long to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    #[command(flatten)]
    pub suite: SuiteOption,
    /// Write the result as JSON to FILE; `-` is standard output, and then nothing else is written there
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report: json, html, junit, tap, github, github-summary, gradescope or classroom50; `-` is standard
    /// output, and then nothing else is written there
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<ReportOption>,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, Args)]
pub struct SuiteOption {
    /// Take the transcripts of DIR instead of those in the program
    #[arg(long = "suite", value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// A requirement's id or a transcript's name
    #[arg(value_name = "ID-OR-TRANSCRIPT")]
    pub subject: String,
    #[command(flatten)]
    pub suite: SuiteOption,
}

#[derive(Debug, Args)]
pub struct FormatCommand {
    /// Change nothing: name the files that are not in their canonical layout
    #[arg(long)]
    pub check: bool,
    /// Transcripts, or folders of them
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// How binding a requirement must be to be looked at.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LevelOption {
    /// What the assignment says
    Must,
    /// And what that needs in order to hold
    Implied,
    /// And what goes beyond, which never counts against a program
    Hardening,
}

impl From<LevelOption> for Level {
    fn from(option: LevelOption) -> Level {
        match option {
            LevelOption::Must => Level::Must,
            LevelOption::Implied => Level::Implied,
            LevelOption::Hardening => Level::Hardening,
        }
    }
}

/// A time in which a person's patience may lie.
fn seconds(text: &str) -> Result<f64, String> {
    const RANGE: std::ops::RangeInclusive<f64> = 0.1..=600.0;
    let seconds: f64 = text
        .parse()
        .map_err(|_| "a number of seconds, such as 5 or 0.5".to_owned())?;
    if RANGE.contains(&seconds) {
        Ok(seconds)
    } else {
        Err("from 0.1 to 600 seconds".to_owned())
    }
}
