//! What `conform` can be told.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use chat_conformance::conformance::play::clock::DEFAULT_LIMIT;
use chat_conformance::conformance::program::dialect::Dialect;
use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::program::supervisor::Stage;
use chat_conformance::conformance::suite::requirement::Level;
use chat_conformance::grading::store::Shard;
use chat_conformance::report::formats::ReportOption;
use chat_conformance::stress::message::{MAX_TEXT, MIN_TEXT};
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
  conform stress -- python3 my_server.py      how much a server holds, and whether it loses anything
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
    /// Put a server under load, and check that nothing is lost, repeated, changed or out of order
    Stress(StressCommand),
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
    #[command(flatten)]
    pub server: ServerOption,
    #[command(flatten)]
    pub run: RunOptions,
}

/// Which server: one that is started, or one that is running.
#[derive(Debug, Args)]
pub struct ServerOption {
    /// A server that is running already, at chat://host:port
    #[arg(long, value_name = "ADDRESS", conflicts_with = "command")]
    pub at: Option<String>,
    /// Program and arguments that start the server
    #[arg(
        trailing_var_arg = true,
        value_name = "COMMAND",
        required_unless_present = "at"
    )]
    pub command: Vec<String>,
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
    /// How long to judge one program, all transcripts and repeats together; what is not replayed by then is untested
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_LIMIT.as_secs_f64(), value_parser = seconds_of_program)]
    pub seconds: f64,
    #[command(flatten)]
    pub suite: SuiteOption,
    #[command(flatten)]
    pub limits: Limits,
}

#[derive(Debug, Args)]
pub struct StressCommand {
    #[command(flatten)]
    pub server: ServerOption,
    /// How many clients register, those below included
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number::<2, 100_000>)]
    pub clients: usize,
    /// How many of them send
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = number::<1, 100_000>)]
    pub senders: usize,
    /// Messages a second, of all senders together [default: as many as the sockets take]
    #[arg(long, value_name = "R", value_parser = rate)]
    pub rate: Option<f64>,
    /// Bytes of text in a message
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = number::<MIN_TEXT, MAX_TEXT>)]
    pub size: usize,
    /// How long they talk
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_of_load)]
    pub duration: f64,
    /// How many messages are sent, instead of for how long
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: Option<u64>,
    /// How many clients come, leave politely, vanish, and come back under the same name
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 100_000>)]
    pub churn: usize,
    /// How many clients stop reading for a while, again and again
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 100_000>)]
    pub slow: usize,
    /// Let senders write as fast as the server takes it, however far behind those who listen are
    #[arg(long, conflicts_with = "rate")]
    pub unpaced: bool,
    /// How many bytes a second each client that only listens reads at most
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub read_rate: Option<u64>,
    /// How many threads keep the machine's processors busy meanwhile
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 256>)]
    pub busy: usize,
    /// How long to wait for what must come
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    /// Write the result as JSON to FILE; `-` is standard output, and then nothing else is written there
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
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
    /// How long to judge one program, all transcripts and repeats together; what is not replayed by then is untested
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_LIMIT.as_secs_f64(), value_parser = seconds_of_program)]
    pub seconds: f64,
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
    within(text, 0.1..=600.0, "seconds")
}

/// A time that a whole program may be given.
fn seconds_of_program(text: &str) -> Result<f64, String> {
    within(text, 1.0..=86_400.0, "seconds")
}

/// A time that a load may last.
fn seconds_of_load(text: &str) -> Result<f64, String> {
    within(text, 0.1..=86_400.0, "seconds")
}

/// A number of messages a second.
fn rate(text: &str) -> Result<f64, String> {
    within(text, 0.1..=1e8, "messages a second")
}

fn within(text: &str, range: RangeInclusive<f64>, unit: &str) -> Result<f64, String> {
    let number: f64 = text
        .parse()
        .map_err(|_| format!("a number of {unit}, such as 5 or 0.5"))?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(format!("from {} to {} {unit}", range.start(), range.end()))
    }
}

/// A whole number within bounds.
fn number<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("a whole number from {LEAST} to {MOST}"))
}
