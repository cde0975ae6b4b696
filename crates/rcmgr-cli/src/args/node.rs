//! The command line of `rcmgr node`.

use std::path::PathBuf;

use libp2p::Multiaddr;
use rcmgr_admin::Listen;

use super::limits::Sources;

/// The arguments of `rcmgr node`.
#[derive(clap::Args)]
pub struct Node {
    /// Where to listen
    #[arg(long, value_name = "MULTIADDR", default_value = "/ip4/127.0.0.1/tcp/0")]
    pub listen: Multiaddr,
    /// The file of limits; it is watched, and read again when it changes or on SIGHUP
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub sources: Sources,
    /// Where to serve the admin interface: ADDRESS:PORT or unix:PATH
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:5090",
        conflicts_with = "no_admin"
    )]
    pub admin: Listen,
    /// Serve no admin interface
    #[arg(long)]
    pub no_admin: bool,
    /// A file with the bearer token that the admin interface asks for
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// What the node's identity is derived from, if it is to be the same each time
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Say where it listens in one line of JSON
    #[arg(long)]
    pub json: bool,
}
