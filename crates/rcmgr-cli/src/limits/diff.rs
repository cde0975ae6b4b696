//! `rcmgr limits diff`.

use std::{io::Write, process::ExitCode, slice::from_ref};

use rcmgr_admin::Stat;
use rcmgr_config::{changes, over};

use super::{Failure, Out, apply, files, report};
use crate::args::limits::Diff;

/// Prints what changes from one file to another, and what would be over in a node.
pub fn run(args: &Diff, out: &mut Out) -> Result<ExitCode, Failure> {
    let (before, found) = files::effective(from_ref(&args.before), &args.sources, None)?;
    report(&found);
    let (after, found) = files::effective(from_ref(&args.after), &args.sources, None)?;
    report(&found);
    let changes = changes(&before, &after);
    for change in &changes {
        writeln!(out, "{change}")?;
    }
    if let Some(node) = &args.node.node {
        let node = apply::Node::new(node, args.node.token_file.as_deref())?;
        let answer = node.ask(|client| async move { client.get("/stat").await })?;
        let stat: Stat = serde_json::from_slice(&answer.body).map_err(|error| {
            Failure::Refused(format!("the node's answer is not known: {error}"))
        })?;
        for over in over(&after.limits, stat.amounts()) {
            writeln!(out, "over: {over}")?;
        }
        if stat.more_scopes > 0 {
            writeln!(out, "{} more scopes of the node were not looked at", stat.more_scopes)?;
        }
    }
    Ok(if changes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
