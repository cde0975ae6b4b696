//! The command line of `rcmgr connections`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use rcmgr_admin::NodeUrl;

/// What can be asked of the connections of a node.
#[derive(Subcommand)]
pub enum ConnectionsCommand {
    /// Print the share, the last round and the connections of a node
    Show(Show),
    /// Have a node close the connections that are worth least
    #[command(after_help = "\
A trim heeds protections, locks and the grace period, keeps what shields keep,
and closes a quarter of the connections at most.")]
    Trim(Trim),
    /// Tell what a trim would make of the connections of a peer, and why
    Explain(Explain),
}

/// A node that is asked.
#[derive(Args)]
pub struct Asked {
    /// The node: http://127.0.0.1:PORT, or unix:PATH
    #[arg(long, value_name = "URL")]
    pub node: NodeUrl,
    /// A file with the bearer token that the node asks for, if not in RCMGR_ADMIN_TOKEN
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Print the node's answer as it is, in JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `rcmgr connections show`.
#[derive(Args)]
pub struct Show {
    #[command(flatten)]
    pub asked: Asked,
    /// Begin with the connection of this number
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub first: u64,
}

/// The arguments of `rcmgr connections trim`.
#[derive(Args)]
pub struct Trim {
    #[command(flatten)]
    pub asked: Asked,
    /// Leave so many connections; by default as many as the low mark says
    #[arg(long, value_name = "NUMBER")]
    pub leave: Option<u32>,
    /// Only tell which would go
    #[arg(long)]
    pub dry_run: bool,
}

/// The arguments of `rcmgr connections explain`.
#[derive(Args)]
pub struct Explain {
    #[command(flatten)]
    pub asked: Asked,
    /// The peer, such as 12D3KooW…
    #[arg(value_name = "PEER")]
    pub peer: String,
}
