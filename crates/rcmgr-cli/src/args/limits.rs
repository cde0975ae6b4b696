//! The command line of `rcmgr limits`, and the flags that set limits.

use std::path::PathBuf;

use clap::{
    Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueEnum, error,
};
use rcmgr_admin::NodeUrl;
use rcmgr_config::{
    Factor,
    flow::{self, FlagKind},
};

use super::{descriptors, size};

/// What can be done with limits.
#[derive(Subcommand)]
pub enum LimitsCommand {
    /// Print the limits that are in effect for a node
    #[command(after_help = PRECEDENCE, after_long_help = PRECEDENCE_LONG)]
    Show(Show),
    /// Tell what is wrong with files of limits
    #[command(after_help = "\
All that is wrong with a file is told at once, with its place and what would be
right. The exit code is 0 if every file can be used, 1 if --strict is given and
there are warnings, and 2 if there are errors.")]
    Check(Check),
    /// Print a file of limits in another format
    #[command(after_help = "\
What the other format cannot express is told on the other output; the exit code
is 0 all the same.")]
    Convert(Convert),
    /// Show which limits change from one file to another
    #[command(after_help = "\
Compared is what would be in effect, defaults included. With --node, it is also
told which scopes of that node hold more than the limits of B allow. The exit
code is 0 if nothing changes and 1 if something does.")]
    Diff(Diff),
    /// Put a file of limits into a running node
    #[command(after_help = "\
The node checks all of it and then changes all limits at once, or none. They
stay until its own file changes, or the process gets SIGHUP.")]
    Apply(Apply),
}

const PRECEDENCE: &str = "See `rcmgr limits show --help` for where limits come from.";

const PRECEDENCE_LONG: &str = "\
Where limits come from, the weakest first:
  1. the defaults of go-libp2p, scaled to what the node is given: an eighth of
     the machine's memory and half of its descriptors, unless something says
     how much. The machine's memory is the smallest limit of the control groups
     around this process, else the physical memory; its descriptors are the soft
     limit of open files (`ulimit -n`).
  2. files: rcmgr's own format in YAML, TOML or JSON; go-libp2p's and Kubo's
     JSON; Flow's YAML; Greenfield's TOML. Of several, the later is stronger.
  3. the environment: RCMGR_SYSTEM_STREAMS=1000, RCMGR_MEMORY=1GiB, …, and
     RCMGR_LIMITS with a document in rcmgr's own format.
  4. flags.

  SIZE is a number of bytes, or has a unit of 1000 (kB, MB, GB, …) or of 1024
  (KiB, MiB, GiB, …): 64MiB, 1.5GB, 1_000_000.";

/// The flags that say what limits are.
#[derive(Args)]
pub struct Sources {
    /// The format of the files, where they do not show it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub from: Option<From>,
    /// The memory that the node is given, such as 1GiB
    #[arg(long, value_name = "SIZE", value_parser = size, allow_hyphen_values = true,
          conflicts_with = "libp2p-resource-manager-memory-limit-ratio")]
    pub memory: Option<u64>,
    /// The file descriptors that the node is given
    #[arg(long, value_name = "NUMBER", value_parser = descriptors, allow_hyphen_values = true,
          conflicts_with = "libp2p-resource-manager-file-descriptors-ratio")]
    pub fd: Option<u64>,
    /// Set one value, such as limits.peer.streams=64; may be given many times
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    #[command(flatten)]
    pub flow: FlowFlags,
}

/// Flow's flags, in the order in which they were given: names and values.
#[derive(Default)]
pub struct FlowFlags(pub Vec<(&'static str, String)>);

impl Args for FlowFlags {
    fn augment_args(command: Command) -> Command {
        let flags = flow::FLAGS.iter().map(|flag| {
            let value = match flag.kind {
                FlagKind::Limit(..) | FlagKind::HighWatermark | FlagKind::LowWatermark => "NUMBER",
                FlagKind::MemoryRatio | FlagKind::FileDescriptorsRatio => "RATIO",
                FlagKind::GracePeriod | FlagKind::SilencePeriod => "TIME",
            };
            Arg::new(flag.name.as_str())
                .long(flag.name.as_str())
                .aliases(flag.alias.as_deref())
                .help(flag.help.as_str())
                .value_name(value)
                .action(ArgAction::Set)
                .allow_hyphen_values(true)
                .hide_short_help(true)
                .help_heading("Flow's flags")
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for FlowFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<FlowFlags, error::Error> {
        let mut flags = FlowFlags::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), error::Error> {
        let given = flow::FLAGS.iter().filter_map(|flag| {
            let value = matches.get_one::<String>(&flag.name)?;
            Some((flag.name.as_str(), value.clone()))
        });
        self.0 = given.collect();
        Ok(())
    }
}

/// The arguments of `rcmgr limits show`.
#[derive(Args)]
pub struct Show {
    /// Files of limits, each laid over the one before
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub sources: Sources,
    /// Multiply every limit that a file, the environment or a flag sets
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true)]
    pub multiply: Option<Factor>,
    /// How to print the limits
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Say of each value where it comes from
    #[arg(long, conflicts_with = "format")]
    pub explain: bool,
}

/// How limits are printed.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people
    Table,
    /// rcmgr's own, in YAML
    Native,
    /// One `PartialLimitConfig` of go-libp2p and Kubo, in JSON, with every limit in it
    Libp2p,
    /// The `Swarm` section of Kubo's configuration, in JSON
    Kubo,
    /// Flow's, in YAML
    Flow,
    /// Greenfield's, in TOML
    Greenfield,
}

/// The format that a file is in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum From {
    /// rcmgr's own, in YAML, TOML or JSON
    Native,
    /// A `PartialLimitConfig` of go-libp2p and Kubo, in JSON
    Libp2p,
    /// The `Swarm` section of Kubo's configuration, in JSON
    Kubo,
    /// Flow's, in YAML
    Flow,
    /// Greenfield's, in TOML
    Greenfield,
}

/// The format that a file is to be in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// rcmgr's own, in YAML
    Native,
    /// rcmgr's own, in YAML
    Yaml,
    /// rcmgr's own, in TOML
    Toml,
    /// rcmgr's own, in JSON
    Json,
    /// A `PartialLimitConfig` of go-libp2p and Kubo, in JSON
    Libp2p,
    /// The `Swarm` section of Kubo's configuration, in JSON
    Kubo,
    /// Flow's, in YAML
    Flow,
    /// Greenfield's, in TOML
    Greenfield,
}

/// The arguments of `rcmgr limits check`.
#[derive(Args)]
pub struct Check {
    /// The files, each by itself
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    #[command(flatten)]
    pub sources: Sources,
    /// Fail for warnings, too
    #[arg(long)]
    pub strict: bool,
}

/// The arguments of `rcmgr limits convert`.
#[derive(Args)]
pub struct Convert {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The format to print it in
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub to: To,
    #[command(flatten)]
    pub sources: Sources,
    /// Multiply every limit that a file, the environment or a flag sets
    #[arg(long, value_name = "FACTOR", allow_hyphen_values = true)]
    pub multiply: Option<Factor>,
}

/// The arguments of `rcmgr limits diff`.
#[derive(Args)]
pub struct Diff {
    /// The file of limits as they are
    #[arg(value_name = "A")]
    pub before: PathBuf,
    /// The file of limits as they would be
    #[arg(value_name = "B")]
    pub after: PathBuf,
    #[command(flatten)]
    pub sources: Sources,
    #[command(flatten)]
    pub node: MaybeNode,
}

/// The arguments of `rcmgr limits apply`.
#[derive(Args)]
pub struct Apply {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The format of the file, if it does not show it
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub from: Option<From>,
    /// The node: http://127.0.0.1:PORT, or unix:PATH
    #[arg(long, value_name = "URL")]
    pub node: NodeUrl,
    /// A file with the bearer token that the node asks for, if not in RCMGR_ADMIN_TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Only tell what would change
    #[arg(long, conflicts_with = "persist")]
    pub dry_run: bool,
    /// Also write the limits into the node's own file
    #[arg(long)]
    pub persist: bool,
    /// Change nothing unless this version is in effect
    #[arg(long, value_name = "VERSION")]
    pub if_version: Option<u64>,
}

/// A node that may be asked.
#[derive(Args)]
pub struct MaybeNode {
    /// A running node to compare with: http://127.0.0.1:PORT, or unix:PATH
    #[arg(long, value_name = "URL")]
    pub node: Option<NodeUrl>,
    /// A file with the bearer token that the node asks for, if not in RCMGR_ADMIN_TOKEN
    #[arg(long, value_name = "FILE", requires = "node")]
    pub token_file: Option<PathBuf>,
}
