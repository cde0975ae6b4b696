//! The command line: what may be asked, and one sentence for what may not.

pub mod connections;
pub mod limits;
pub mod node;

use std::{fmt, io, path::PathBuf, process::ExitCode, str::FromStr, time::Duration};

use clap::{
    CommandFactory as _, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};

use rcmgr_config::{InvalidSize, Size};

use crate::{attack::Which, demo::abusers::Kind};

/// The exit code for what the command line cannot mean.
pub const BAD_INPUT: u8 = 2;

const LONGEST: Duration = Duration::from_secs(3600);
const SHORTEST: Duration = Duration::from_secs(1);

/// Limits what a network node spends on the parties that connect to it.
#[derive(Parser)]
#[command(
    name = "rcmgr",
    version,
    after_help = "Start with `rcmgr demo`: a node under attack on this machine, for 15 seconds."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What the program can do.
#[derive(Subcommand)]
pub enum Command {
    /// Watch a libp2p node keep its limits between honest clients and abusers
    #[command(after_help = "\
Everything runs in this process and on the loopback interface. Ctrl-C ends the
run early, with its summary. The exit code is 1 when a charge passed a limit or
a counter did not return to zero.

With --attack the node, the honest clients and the attackers are a process each.
Each attack runs with limits and without; the exit code is 1 when with limits it
missed an aim. The attacks are connection-flood, slow-handshakes, rapid-reset,
stalled-streams, protocol-spray, peer-spray, negotiation-slow-loris.")]
    Demo(Demo),
    /// Play a part in `rcmgr demo --attack`
    #[command(hide = true)]
    AttackParty,
    /// Run that node until it is stopped, with limits that change while it runs
    #[command(after_help = "\
The limits come from the file, the environment and the flags, as `rcmgr limits
show --help` tells. When the file changes, or the process gets SIGHUP, it is read
again; what is wrong with it is logged, and the limits stay. The admin interface
answers to `rcmgr limits apply --node`, and to HTTP: GET and PUT /limits, POST
/limits/rollback, GET /limits/versions, /stat and /healthz; and GET
/connections, /explain/PEER and /metrics, POST /trim. Other machines can reach it
only with a token, from --token-file or RCMGR_ADMIN_TOKEN.")]
    Node(Box<node::Node>),
    /// Show, check, convert, compare and change limits
    #[command(subcommand, arg_required_else_help = false)]
    Limits(limits::LimitsCommand),
    /// Show, explain and trim the connections of a running node
    #[command(subcommand, arg_required_else_help = false)]
    Connections(connections::ConnectionsCommand),
    /// Run scripts of a resource or connection manager, and compare the answers with recorded ones
    #[command(subcommand, arg_required_else_help = false)]
    Script(ScriptCommand),
    /// Print what a shell needs to complete this command line
    #[command(after_help = "\
For bash: source <(rcmgr completions bash)
For zsh:  rcmgr completions zsh > \"${fpath[1]}/_rcmgr\"
For fish: rcmgr completions fish > ~/.config/fish/completions/rcmgr.fish")]
    Completions {
        /// The shell
        #[arg(value_name = "SHELL", value_enum)]
        shell: clap_complete::Shell,
    },
}

/// What can be done with scripts.
#[derive(Subcommand)]
pub enum ScriptCommand {
    /// Run a script, and print a verdict for each operation
    Run(Run),
    /// Compare the answers to scripts with the verdicts recorded beside them
    #[command(after_help = "\
The verdicts on NAME.jsonl are in NAME.verdicts.jsonl; each may be packed, as
NAME.jsonl.gz. The header tells whether a script is of a resource manager or of
a connection manager. A comparison ends at the first verdict that carries a
quirk (of a connection manager: one that leaves another state), at the first
difference, and at a known one that does not go on. The exit code is 1 when a
script differs, and 2 when a file is malformed.")]
    Check(Check),
}

/// The arguments of `rcmgr script run`.
#[derive(clap::Args)]
pub struct Run {
    /// The script, NAME.jsonl or NAME.jsonl.gz
    #[arg(value_name = "SCRIPT")]
    pub script: PathBuf,
}

/// The arguments of `rcmgr script check`.
#[derive(clap::Args)]
pub struct Check {
    /// Scripts, and folders of which all scripts are meant
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Known differences, of scripts of a resource manager: lines of
    /// {"script":"NAME","op":NUMBER,"reason":"…"}
    #[arg(long, value_name = "FILE")]
    pub known: Option<PathBuf>,
}

/// The flags of `rcmgr demo`.
#[derive(clap::Args)]
pub struct Demo {
    /// How long to run, such as 15, 15s or 1m30s
    #[arg(long, value_name = "TIME", default_value = "15s", value_parser = duration)]
    pub duration: Duration,
    /// How many honest clients, 1 to 64; by default 8, and 32 with --attack
    #[arg(long, value_name = "COUNT",
          value_parser = clap::value_parser!(u16).range(1..=64))]
    pub honest: Option<u16>,
    /// The abusers that take part
    #[arg(
        long,
        value_name = "KINDS",
        default_value = "all",
        help = "Which abusers: all, none, or some of\n\
                connections,handshakes,streams,memory",
        conflicts_with = "attack"
    )]
    pub abusers: Abusers,
    /// What identities and jitter are derived from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// End with one line of JSON
    #[arg(long)]
    pub json: bool,
    /// Break a rule on purpose, to see that it is found
    #[arg(
        long,
        value_name = "FAULT",
        value_enum,
        hide_possible_values = true,
        conflicts_with = "attack"
    )]
    pub inject: Option<Fault>,
    /// Try an attack of real life, or all, with limits and without
    #[arg(long, value_name = "NAME")]
    pub attack: Option<Which>,
    /// Try the attack without limits only
    #[arg(long, requires = "attack", conflicts_with = "report")]
    pub no_limits: bool,
    /// Write the page of the book about the attacks
    #[arg(long, value_name = "FILE", requires = "attack")]
    pub report: Option<PathBuf>,
}

/// A fault that the run must find.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Fault {
    /// A reservation that is never given back.
    Leak,
    /// A charge that asks no limit.
    Overshoot,
}

/// A set of abusers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Abusers(pub Vec<Kind>);

impl FromStr for Abusers {
    type Err = String;

    fn from_str(text: &str) -> Result<Abusers, String> {
        match text {
            "all" => return Ok(Abusers(Kind::ALL.to_vec())),
            "none" => return Ok(Abusers(Vec::new())),
            _ => {}
        }
        let mut kinds = Vec::new();
        for name in text.split(',') {
            let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
                format!("{name:?} is not one of connections, handshakes, streams, memory")
            })?;
            if !kinds.contains(&kind) {
                kinds.push(kind);
            }
        }
        kinds.sort();
        Ok(Abusers(kinds))
    }
}

impl fmt::Display for Abusers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("none");
        }
        let names: Vec<_> = self.0.iter().map(|kind| kind.name()).collect();
        f.write_str(&names.join(", "))
    }
}

/// Reads `15s` and `1m30s`, and plain `15` as seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let duration = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => humantime::parse_duration(text)
            .map_err(|_| "it is not a time such as 15, 15s or 1m30s".to_owned())?,
    };
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err("it is not between 1 second and 1 hour".to_owned())
    }
}

fn size(text: &str) -> Result<u64, InvalidSize> {
    text.parse().map(|Size(bytes)| bytes)
}

fn descriptors(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it is not a number of descriptors, 0 or more, such as 1024")
}

/// Prints what a shell needs to complete the command line.
pub fn completions(shell: clap_complete::Shell) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "rcmgr", &mut script);
    match io::Write::write_all(&mut io::stdout(), &script) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read has enough.
        Err(_) => ExitCode::FAILURE,
    }
}

/// The command to run, or the exit code when there is nothing to run: after the help, or after
/// a sentence that says what is wrong.
pub fn parse() -> Result<Command, ExitCode> {
    match Cli::try_parse() {
        Ok(Cli { command: Some(command) }) => Ok(command),
        Ok(Cli { command: None }) => {
            say(io::stdout(), Cli::command().render_help());
            Err(ExitCode::SUCCESS)
        }
        Err(error)
            if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) =>
        {
            say(io::stdout(), error.render());
            Err(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(io::stderr(), format_args!("rcmgr: {}\n", sentence(&error)));
            Err(ExitCode::from(BAD_INPUT))
        }
    }
}

/// Whoever reads may have gone; there is nobody left to tell then.
fn say(mut to: impl io::Write, text: impl fmt::Display) {
    let _ = write!(to, "{text}");
}

/// Clap explains in paragraphs; the first line carries the fact.
fn sentence(error: &clap::Error) -> String {
    let text = error.render().to_string();
    if let Some(ContextValue::Strings(commands)) = error.get(ContextKind::ValidSubcommand)
        && let Some(ContextValue::String(of)) = error.get(ContextKind::InvalidSubcommand)
        && error.kind() == ErrorKind::MissingSubcommand
    {
        let commands: Vec<_> = commands.iter().filter(|name| *name != "help").collect();
        return format!("`{of}` takes a command, {}; see `{of} --help`", alternatives(&commands));
    }
    let first = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let first = match error.get(ContextKind::InvalidArg) {
        // They are in the lines after the first.
        Some(ContextValue::Strings(missing)) => format!("{first} {}", missing.join(", ")),
        _ => first.to_owned(),
    };
    let known = match error.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => {
            format!(", possible values: {}", values.join(", "))
        }
        _ => String::new(),
    };
    format!("{first}{known}; see `rcmgr --help`")
}

/// `run or check`.
fn alternatives(names: &[&String]) -> String {
    match names {
        [first @ .., last] if !first.is_empty() => {
            let first: Vec<&str> = first.iter().map(|name| name.as_str()).collect();
            format!("{} or {last}", first.join(", "))
        }
        names => names.iter().map(|name| name.as_str()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_bounded() {
        assert_eq!(duration("15"), Ok(Duration::from_secs(15)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        for bad in ["", "0", "-1", "500ms", "1M", "2h", "soon", "99999999999999999999"] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn abusers_are_a_set() {
        let parsed = "streams,connections,streams".parse();
        assert_eq!(parsed, Ok(Abusers(vec![Kind::Connections, Kind::Streams])));
        assert_eq!("none".parse(), Ok(Abusers(vec![])));
        for bad in ["", "all,none", "streams,", "Streams"] {
            assert!(bad.parse::<Abusers>().is_err(), "{bad:?}");
        }
    }
}
