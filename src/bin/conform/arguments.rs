//! The command line of `conform`.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use chat_conformance::classroom::layout::Layout;
use chat_conformance::conformance::play::clock::DEFAULT_LIMIT;
use chat_conformance::conformance::program::dialect::Dialect;
use chat_conformance::conformance::program::limits::Limits;
use chat_conformance::conformance::suite::requirement::Level;
use chat_conformance::grading::manifest::Shard;
use chat_conformance::report::formats::ReportOption;
use chat_conformance::stress::message::{MAX_TEXT, MIN_TEXT};
use chat_conformance::transcript::syntax::Role;
use chat_conformance::{client, server};
use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_STATUS: &str = "\
Exit status when judging: 0 every requirement that counts passes, 1 one does not,
2 invalid command or input, 3 the harness could not do its work, 130 interrupted.

Examples:
  conform                                     judge the bundled server and client
  conform server -- python3 my_server.py      judge your server
  conform client -- python3 my_client.py      judge your client; it gets a name and an address
  conform grade submissions.zip               grade a class, as a learning system gives it out
  conform stress -- python3 my_server.py      load-test a server: how fast it is, and what it loses
  conform record --out hello.chat -- python3 my_server.py
                                              write a transcript while you chat
  conform explain S-REG-5                     show what a requirement asks";

const STATUS_OF_GRADING: &str = "\
Exit status: 0 everything is graded, 2 invalid command or input, 3 some marks are doubtful or some
results are missing, 130 interrupted; --resume continues.";

const STATUS_OF_EXPLORATION: &str = "\
Exit status: 0 nothing was found, 1 something was found, 2 invalid command or input, 3 the harness
could not do its work, 130 interrupted.";

/// Test CHAT/1.0 servers and clients, written in any language, by replaying conversations.
///
/// Without a command, the whole suite runs against the bundled server and client.
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
    /// Judge a server: start it for each transcript, or connect to a running one
    Server(ServerCommand),
    /// Judge a client: start it on its own terminal for each transcript
    Client(ClientCommand),
    /// Judge a server with its own clients: people at their terminals start them, type and read
    Pair(PairCommand),
    /// Grade a class: what a learning system gave out, or a folder for each submission
    Grade(GradeCommand),
    /// Package `conform` for a grading service
    #[command(subcommand)]
    Package(PackageCommand),
    /// Load-test a server: check that no message is lost, repeated, changed or out of order
    Stress(StressCommand),
    /// Look for faults with random conversations, and write the smallest ones that fail as transcripts
    Explore(ExploreCommand),
    /// Record a conversation with a server as a transcript
    Record(RecordCommand),
    /// Show how this machine contains programs under test, and how to get what is missing
    Doctor,
    /// List the requirements and their transcripts
    List(ListCommand),
    /// Explain a requirement or a transcript
    Explain(ExplainCommand),
    /// Format transcripts
    Fmt(FormatCommand),
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

/// The server: a command to start it, or the address of a running one.
#[derive(Debug, Args)]
pub struct ServerOption {
    /// Address of a running server: chat://host:port
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
    /// Program and arguments that start the client. The user name and chat://host:port are appended, or
    /// replace {name}, {url}, {host} and {port}
    #[arg(trailing_var_arg = true, value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
    #[command(flatten)]
    pub run: RunOptions,
}

#[derive(Debug, Args)]
#[command(
    override_usage = "conform pair [OPTIONS] --server <COMMAND> --client <COMMAND>\n       \
                            conform pair [OPTIONS] --matrix <CLASS>"
)]
pub struct PairCommand {
    /// Command that starts the server, as in a shell: 'python3 server.py'
    #[arg(long, value_name = "COMMAND", value_parser = words, required_unless_present = "matrix")]
    pub server: Option<Words>,
    /// Command that starts a client; the user name and chat://host:port are appended, or replace {name}, {url}, {host}
    /// and {port}
    #[arg(long, value_name = "COMMAND", value_parser = words, required_unless_present = "matrix")]
    pub client: Option<Words>,
    /// Let every server of a class talk with every client of it, and show who understands whom
    #[arg(long, value_name = "CLASS", conflicts_with_all = [
        "server", "client", "only", "level", "dialect", "folder", "report",
    ])]
    pub matrix: Option<PathBuf>,
    /// Only N submissions of the class, chosen by their names
    #[arg(long, value_name = "N", requires = "matrix", value_parser = number::<1, 100_000>)]
    pub sample: Option<usize>,
    /// Folder for the page with the matrix [default: CLASS-matrix]
    #[arg(long, value_name = "DIR", requires = "matrix")]
    pub out: Option<PathBuf>,
    /// The system that the class comes from, if it is recognised wrongly
    #[arg(long = "as", value_name = "SYSTEM", value_enum, requires = "matrix")]
    pub layout: Option<Layout>,
    #[command(flatten)]
    pub run: RunOptions,
}

/// Program and arguments.
#[derive(Debug, Clone)]
pub struct Words(pub Vec<String>);

/// Splits a command at its spaces; quotes and backslashes are those of a shell.
fn words(text: &str) -> Result<Words, String> {
    match shlex::split(text) {
        Some(words) if !words.is_empty() => Ok(Words(words)),
        Some(_) => Err("give a program, such as 'python3 server.py'".to_owned()),
        None => Err("a quotation mark is not closed".to_owned()),
    }
}

#[derive(Debug, Args)]
#[command(after_help = STATUS_OF_GRADING)]
pub struct GradeCommand {
    /// A class: the archive that a learning system gave out, unpacked or not, or a folder that contains a folder or an
    /// archive for each submission
    #[arg(value_name = "CLASS", required_unless_present_any = ["again", "merge"])]
    pub class: Option<PathBuf>,
    /// The system that the class comes from, if it is recognised wrongly
    #[arg(long = "as", value_name = "SYSTEM", value_enum)]
    pub layout: Option<Layout>,
    /// CSV file with everybody in the class: adds ids, and those who handed in nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["again", "merge"])]
    pub roster: Option<PathBuf>,
    /// CSV file with marks that a person gave: who, what, points, remark [default: the one in the results folder]
    #[arg(long, value_name = "FILE")]
    pub marks: Option<PathBuf>,
    /// Write the marks for the system that the class comes from: an archive or a CSV file
    #[arg(long, value_name = "FILE")]
    pub upload: Option<PathBuf>,
    /// The table of grades that the system gave out, for --upload
    #[arg(long, value_name = "FILE", requires = "upload")]
    pub gradebook: Option<PathBuf>,
    /// The assignment's column in that table, if there are several
    #[arg(long, value_name = "NAME", requires = "upload")]
    pub item: Option<String>,
    /// Show who handed in what, and grade nothing
    #[arg(long, conflicts_with_all = ["again", "merge", "resume", "out"])]
    pub list: bool,
    /// Folder for the results [default: CLASS-results]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Rubric: the points of each requirement [default: the rubric in the results folder, else the built-in one]
    #[arg(long, value_name = "FILE")]
    pub rubric: Option<PathBuf>,
    /// Continue with existing results: judge only submissions that are missing, changed, or whose runs disagree
    #[arg(long)]
    pub resume: bool,
    /// Score existing results again, without starting any program
    #[arg(long, value_name = "RESULTS", conflicts_with_all = ["class", "out", "resume", "merge", "shard"])]
    pub again: Option<PathBuf>,
    /// Merge the results of parts of a class into --out
    #[arg(long, value_name = "RESULTS", num_args = 1.., conflicts_with_all = ["class", "resume", "shard"])]
    pub merge: Vec<PathBuf>,
    /// Grade only part K of N of the class, chosen by the submissions' names
    #[arg(long, value_name = "K/N", default_value = "1/1")]
    pub shard: Shard,
    /// Number of submissions judged at the same time [default: twice the processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Grade the bundled reference after every N submissions, to check that the machine works
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..))]
    pub control_every: u16,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    /// Time limit for one program, all transcripts together; transcripts not replayed by then are untested
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_LIMIT.as_secs_f64(), value_parser = seconds_of_program)]
    pub seconds: f64,
    #[command(flatten)]
    pub suite: SuiteOption,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub cage: CageOptions,
}

#[derive(Debug, Subcommand)]
pub enum PackageCommand {
    /// Make the autograder.zip of an assignment on Gradescope
    Gradescope(GradescopePackage),
}

#[derive(Debug, Args)]
pub struct GradescopePackage {
    /// Zip file to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Rubric: the points of each requirement [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub rubric: Option<PathBuf>,
    /// The `conform` to package, statically linked [default: this one]
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// Package it even if it may not start on Gradescope
    #[arg(long)]
    pub unchecked: bool,
    /// The time limit in the assignment's settings on Gradescope
    #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u16).range(180..=2400))]
    pub time_limit: u16,
}

#[derive(Debug, Args)]
pub struct StressCommand {
    #[command(flatten)]
    pub server: ServerOption,
    /// Number of clients, including those of the options below
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = number::<2, 100_000>)]
    pub clients: usize,
    /// Number of clients that send
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = number::<1, 100_000>)]
    pub senders: usize,
    /// Messages per second, all senders together [default: as many as the sockets accept]
    #[arg(long, value_name = "R", value_parser = rate)]
    pub rate: Option<f64>,
    /// Bytes of text in a message
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = number::<MIN_TEXT, MAX_TEXT>)]
    pub size: usize,
    /// Duration of the load
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds_of_load)]
    pub duration: f64,
    /// Number of messages to send, instead of a duration
    #[arg(long, value_name = "N", conflicts_with = "duration", value_parser = clap::value_parser!(u64).range(1..))]
    pub messages: Option<u64>,
    /// Number of clients that leave or vanish and come back under the same name
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 100_000>)]
    pub churn: usize,
    /// Number of clients that repeatedly stop reading for a while
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 100_000>)]
    pub slow: usize,
    /// Let senders write as fast as the server reads, however far behind the readers are
    #[arg(long, conflicts_with = "rate")]
    pub unpaced: bool,
    /// Maximum number of bytes per second that each listening client reads
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    pub read_rate: Option<u64>,
    /// Number of threads that keep the processors busy during the load
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = number::<0, 256>)]
    pub busy: usize,
    /// Seconds to wait for a message that must arrive
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    /// Write the result as JSON to FILE; `-` writes to standard output, and nothing else is written there
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = STATUS_OF_EXPLORATION)]
pub struct ExploreCommand {
    /// Whether the command starts a server or a client
    #[arg(long, value_enum, default_value_t = RoleOption::Server)]
    pub role: RoleOption,
    /// How long to look for faults; what was found by then is still made small
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds_of_program)]
    pub seconds: f64,
    /// Begin no further conversation after so many findings [default: go on until the time is over]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub findings: Option<u32>,
    /// The same seed gives the same conversations [default: a random one, which is printed]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Folder for the transcripts of what fails; it must be empty or new
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Program and arguments, as for `conform server` and `conform client`
    #[arg(trailing_var_arg = true, value_name = "COMMAND", required = true)]
    pub command: Vec<String>,
    // Last, because the headings of its options would also be those of the options that follow.
    #[command(flatten)]
    pub replays: ReplayOptions,
}

/// The role of a program.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleOption {
    /// A server
    Server,
    /// A client
    Client,
}

impl From<RoleOption> for Role {
    fn from(option: RoleOption) -> Role {
        match option {
            RoleOption::Server => Role::Server,
            RoleOption::Client => Role::Client,
        }
    }
}

#[derive(Debug, Args)]
pub struct RecordCommand {
    #[command(flatten)]
    pub server: ServerOption,
    /// File for the transcript, such as my-suite/hello.chat
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Overwrite FILE if it exists
    #[arg(long)]
    pub force: bool,
}

/// How conversations are replayed against a program.
#[derive(Debug, Args)]
pub struct ReplayOptions {
    /// Number of transcripts replayed at the same time [default: twice the processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// How the program marks the end of a message: line, crlf, bare or length. Two of them, such as line/bare, stand for
    /// reading and writing [default: detected]
    #[arg(long, value_name = "DIALECT")]
    pub dialect: Option<Dialect>,
    /// Seconds to wait for an answer
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub patience: f64,
    #[command(flatten)]
    pub limits: Limits,
    #[command(flatten)]
    pub cage: CageOptions,
}

/// What contains the programs under test.
#[derive(Debug, Args)]
#[command(next_help_heading = "Containment of the program")]
pub struct CageOptions {
    /// How programs are contained; `conform doctor` shows what this machine offers
    #[arg(long, value_enum, default_value_t)]
    pub cage: CageChoice,
    /// A file or folder outside its own that the program needs to read, such as a tool in an unusual place; may be
    /// repeated
    #[arg(long, value_name = "PATH")]
    pub visible: Vec<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum CageChoice {
    /// By everything that this machine offers
    #[default]
    Auto,
    /// By every layer; start nothing if one is missing
    Require,
    /// By limits only
    Off,
}

#[derive(Debug, Args)]
pub struct RunOptions {
    /// Only transcripts whose name or requirement matches, such as '*/registration/*' or 'S-MSG-*'; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub only: Vec<String>,
    /// Only requirements of this level or above
    #[arg(long, value_enum, default_value_t = LevelOption::Hardening)]
    pub level: LevelOption,
    /// Time limit for one program, all transcripts together; transcripts not replayed by then are untested
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_LIMIT.as_secs_f64(), value_parser = seconds_of_program)]
    pub seconds: f64,
    #[command(flatten)]
    pub suite: SuiteOption,
    /// Write the result as JSON to FILE; `-` writes to standard output, and nothing else is written there
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write a report: json, html, junit, tap, github, github-summary, gradescope or classroom50; `-` writes to
    /// standard output, and nothing else is written there; may be repeated
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<ReportOption>,
    // Last, because the headings of its options would also be those of the options that follow.
    #[command(flatten)]
    pub replays: ReplayOptions,
}

#[derive(Debug, Args)]
pub struct SuiteOption {
    /// Use the transcripts in DIR instead of the bundled ones
    #[arg(long = "suite", value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ListCommand {
    /// List the situations in which each requirement is tested instead of its transcripts
    #[arg(long)]
    pub situations: bool,
    #[command(flatten)]
    pub suite: SuiteOption,
}

#[derive(Debug, Args)]
pub struct ExplainCommand {
    /// Id of a requirement or name of a transcript
    #[arg(value_name = "ID-OR-TRANSCRIPT")]
    pub subject: String,
    #[command(flatten)]
    pub suite: SuiteOption,
}

#[derive(Debug, Args)]
pub struct FormatCommand {
    /// Change nothing, and name the files that need formatting
    #[arg(long)]
    pub check: bool,
    /// Transcripts or folders of transcripts
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// The lowest level of requirements to judge.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum LevelOption {
    /// What the assignment says
    Must,
    /// Also what the assignment cannot work without
    Implied,
    /// Also what goes beyond the assignment and is not counted
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

/// Seconds of patience.
fn seconds(text: &str) -> Result<f64, String> {
    within(text, 0.1..=600.0, "seconds")
}

/// Seconds for a whole program.
fn seconds_of_program(text: &str) -> Result<f64, String> {
    within(text, 1.0..=86_400.0, "seconds")
}

/// Seconds of load.
fn seconds_of_load(text: &str) -> Result<f64, String> {
    within(text, 0.1..=86_400.0, "seconds")
}

/// Messages per second.
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

/// A whole number between two bounds.
fn number<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number));
    number.ok_or_else(|| format!("a whole number from {LEAST} to {MOST}"))
}
