//! Resource limits of a program under test: generous, so that only a runaway program reaches them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limits on each process of a program, and on their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Limits on the program")]
pub struct Limits {
    /// Processor time of each of its processes, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..))]
    pub cpu_seconds: u64,
    /// Memory of each of its processes, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 4096)]
    #[arg(value_parser = clap::value_parser!(u64).range(16..=1 << 20))]
    pub memory: u64,
    /// Size of a file that it writes, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 256)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub file_size: u64,
    /// Processes at the same time
    #[arg(long, value_name = "N", default_value_t = 512)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    pub processes: u64,
    /// Descriptors that each of its processes has open
    #[arg(long, value_name = "N", default_value_t = 16_384)]
    #[arg(value_parser = clap::value_parser!(u64).range(64..=1 << 20))]
    pub descriptors: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            cpu_seconds: 300,
            memory: 4096,
            file_size: 256,
            processes: 512,
            descriptors: 16_384,
        }
    }
}

/// Open files that this process needs for the transcripts with the most connections, several at a time.
const LEAST_DESCRIPTORS: u64 = 1024;

impl Limits {
    /// As arguments of the commands with which the harness starts programs.
    pub fn arguments(self) -> Vec<String> {
        let options = [
            ("--cpu-seconds", self.cpu_seconds),
            ("--memory", self.memory),
            ("--file-size", self.file_size),
            ("--processes", self.processes),
            ("--descriptors", self.descriptors),
        ];
        options
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value.to_string()])
            .collect()
    }

    /// Checks that this process may give programs so much. They inherit its own limits, and a program that reaches one
    /// of those would be blamed for it. This process needs more descriptors than a program, so it checks its own need.
    ///
    /// # Errors
    /// The stricter limit, and what to do.
    pub fn check_inherited(self) -> Result<(), String> {
        let all = [
            (
                Resource::Cpu,
                self.cpu_seconds,
                "processor time",
                "s",
                "-t",
                "--cpu-seconds",
            ),
            (
                Resource::Data,
                self.memory << 20,
                "memory",
                "bytes",
                "-d",
                "--memory",
            ),
            (
                Resource::Fsize,
                self.file_size << 20,
                "the size of files",
                "bytes",
                "-f",
                "--file-size",
            ),
        ];
        for (resource, wanted, what, unit, flag, option) in all {
            if let Some(most) = getrlimit(resource).maximum.filter(|most| *most < wanted) {
                return Err(format!(
                    "this session limits {what} to {most} {unit}, and programs would inherit that; raise it with \
                     `ulimit {flag} unlimited`, or choose a smaller limit for programs with {option}"
                ));
            }
        }
        let descriptors = getrlimit(Resource::Nofile).maximum;
        if let Some(most) = descriptors.filter(|most| *most < LEAST_DESCRIPTORS) {
            return Err(format!(
                "this session limits open files to {most}, and conform needs {LEAST_DESCRIPTORS}; raise it with \
                 `ulimit -n {LEAST_DESCRIPTORS}`"
            ));
        }
        Ok(())
    }

    /// Applies all limits to this process and its descendants, except the number of processes: the system counts all
    /// processes of a user there.
    pub fn put_in_force(self) {
        put(Resource::Core, 0);
        put(Resource::Cpu, self.cpu_seconds);
        // Not the address space: virtual machines reserve much more than they use.
        put(Resource::Data, self.memory << 20);
        put(Resource::Fsize, self.file_size << 20);
        put(Resource::Nofile, self.descriptors);
    }
}

fn put(resource: Resource, limit: u64) {
    let within = Some(limit.min(getrlimit(resource).maximum.unwrap_or(u64::MAX)));
    // If a limit cannot be set, the current one is stricter.
    let _ = setrlimit(
        resource,
        Rlimit {
            current: within,
            maximum: within,
        },
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        limits: Limits,
    }

    #[test]
    fn limits_survive_being_passed_on_and_have_one_default() {
        let parse = |words: Vec<String>| {
            let words = std::iter::once("command".to_owned()).chain(words);
            Command::try_parse_from(words).expect("is right").limits
        };
        assert_eq!(parse(Vec::new()), Limits::default());
        let other = Limits {
            cpu_seconds: 1,
            memory: 17,
            file_size: 2,
            processes: 3,
            descriptors: 65,
        };
        assert_eq!(parse(other.arguments()), other);
    }
}
