//! `rcmgr limits apply`, and how a node is asked.

use std::{io::Write, path::Path, process::ExitCode, sync::Arc};

use rcmgr_admin::{Answer, Client, ClientError, NodeUrl, Token};
use rcmgr_config::{Source, ThisMachine, load};
use serde_json::Value;
use tokio::runtime;

use super::{Failure, Out, files};
use crate::args::limits::Apply;

/// Puts a file into a running node.
pub fn run(args: &Apply, out: &mut Out) -> Result<ExitCode, Failure> {
    let source = Arc::new(Source::read(&args.file)?);
    let format = args.from.map(files::from);
    // What is wrong here is wrong there, and is shown better with the file at hand.
    let loaded = load(&source, format, &ThisMachine).map_err(Failure::Input)?;
    let mut path = format!("/limits?from={}", loaded.format);
    if args.dry_run {
        path += "&dry_run=1";
    }
    if args.persist {
        path += "&persist=1";
    }
    let version = args.if_version.map(|version| format!("\"{version}\""));
    let node = Node::new(&args.node, args.token_file.as_deref())?;
    let body = source.text().to_owned();
    let answer =
        node.ask(|client| async move { client.put(&path, body, version.as_deref()).await })?;
    let told: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Refused("the node's answer is no JSON".to_owned()))?;
    tell(&told, out)?;
    Ok(ExitCode::SUCCESS)
}

fn tell(answer: &Value, out: &mut Out) -> Result<(), Failure> {
    let text = |value: &Value| value.as_str().unwrap_or("not limited").to_owned();
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    for change in list("changes") {
        let [key, before, after] = ["key", "before", "after"].map(|part| text(&change[part]));
        writeln!(out, "{key}: {before} -> {after}")?;
    }
    more(&answer["more_changes"], "changes", out)?;
    for over in list("over") {
        writeln!(out, "over: {}", text(&over["text"]))?;
    }
    more(&answer["more_over"], "scopes that are over", out)?;
    for warning in list("warnings") {
        writeln!(out, "warning: {}", text(&warning["message"]))?;
    }
    let version = &answer["version"];
    match (answer["applied"].as_bool(), list("changes").is_empty()) {
        (Some(true), false) => writeln!(out, "version {version} is in effect")?,
        (Some(true), true) => writeln!(out, "nothing changes; version {version} is in effect")?,
        _ => writeln!(out, "nothing was changed; version {version} is in effect")?,
    }
    Ok(())
}

/// Says how many more there are than the node tells of.
fn more(count: &Value, what: &str, out: &mut Out) -> Result<(), Failure> {
    match count.as_u64() {
        None | Some(0) => Ok(()),
        Some(count) => Ok(writeln!(out, "and {count} more {what}")?),
    }
}

/// A node that is asked.
pub struct Node(Client);

impl Node {
    /// The node there; with a token, if one is given or in the environment.
    pub fn new(url: &NodeUrl, token_file: Option<&Path>) -> Result<Node, Failure> {
        let token = match token_file {
            Some(path) => Some(Token::from_file(path)?),
            None => Token::from_environment()?,
        };
        let client = Client::new(url.clone());
        Ok(Node(match token {
            Some(token) => client.with_token(token),
            None => client,
        }))
    }

    /// The node's answer, if it is not a refusal.
    pub fn ask<F>(&self, ask: impl FnOnce(Client) -> F) -> Result<Answer, Failure>
    where
        F: Future<Output = Result<Answer, ClientError>>,
    {
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let answer = runtime.block_on(ask(self.0.clone()))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = told["text"].as_str().map(|text| format!("\n{text}")).unwrap_or_default();
        Err(Failure::Refused(format!("the node refuses: {}{text}", answer.message())))
    }
}
