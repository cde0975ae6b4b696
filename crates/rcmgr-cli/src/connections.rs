//! `rcmgr connections`: asks a running node for its connections, and has some go.

use std::{
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use rcmgr_admin::Client;
use rcmgr_config::peer;
use serde_json::Value;

use crate::{
    args::connections::{Asked, ConnectionsCommand},
    limits::{Asking, Failure},
};

/// Runs the command. The exit code is 2 for a peer that is none, and 1 where the node does not do
/// as asked.
pub fn main(command: &ConnectionsCommand) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = run(command, &mut out);
    match done.and_then(|()| out.flush().map_err(Failure::Output)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read has enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::FAILURE
        }
        Err(failure) => {
            // Nothing is left to be done when this cannot be told either.
            let _ = writeln!(io::stderr(), "rcmgr: {failure}");
            failure.code()
        }
    }
}

fn run(command: &ConnectionsCommand, out: &mut impl Write) -> Result<(), Failure> {
    match command {
        ConnectionsCommand::Show(args) => {
            let path = format!("/connections?from={}", args.first);
            tell(&args.asked, &path, false, out, show)
        }
        ConnectionsCommand::Trim(args) => {
            let to = args.leave.map(|leave| format!("&to={leave}")).unwrap_or_default();
            let path = format!("/trim?dry_run={}{to}", u8::from(args.dry_run));
            tell(&args.asked, &path, true, out, trim)
        }
        ConnectionsCommand::Explain(args) => {
            // What is no peer may be no path either.
            let key = peer::key(&args.peer).map_err(Failure::Peer)?;
            let path = format!("/explain/{}", peer::text(&key));
            tell(&args.asked, &path, false, out, explain)
        }
    }
}

fn tell<O: Write>(
    asked: &Asked,
    path: &str,
    is_change: bool,
    out: &mut O,
    text: impl Fn(&Value, &mut O) -> io::Result<()>,
) -> Result<(), Failure> {
    let node = Asking::new(&asked.node, asked.token_file.as_deref())?;
    let ask = async |client: Client| match is_change {
        true => client.post(path, "", None).await,
        false => client.get(path).await,
    };
    let answer = node.ask(ask)?;
    if asked.json {
        out.write_all(&answer.body)?;
        return Ok(writeln!(out)?);
    }
    let told: Value = serde_json::from_slice(&answer.body)
        .map_err(|_| Failure::Refused("the node's answer is no JSON".to_owned()))?;
    Ok(text(&told, out)?)
}

fn show(told: &Value, out: &mut impl Write) -> io::Result<()> {
    let hard = match told["hard"].as_u64() {
        Some(hard) => format!("of {hard}"),
        None => "without a hard limit".to_owned(),
    };
    let [live, closing, share, low] =
        ["live", "closing", "share", "low"].map(|key| told[key].as_u64().unwrap_or_default());
    writeln!(out, "connections  {live} open, {closing} closing")?;
    writeln!(out, "share        {share} {hard}; a round leaves {low}")?;
    writeln!(out, "level        {}", text(&told["level"]))?;
    writeln!(out, "last round   {}", round(&told["rounds"]["last"]))?;
    let protocols = list(&told["protocols"]);
    if !protocols.is_empty() {
        let [used, min, max] = ["used", "min", "max"];
        writeln!(out, "\n{used:>8} {min:>8} {max:>8} protocol")?;
    }
    for protocol in protocols {
        let [used, min, max] =
            ["used", "min", "max"].map(|key| protocol[key].as_u64().unwrap_or_default());
        writeln!(out, "{used:>8} {min:>8} {max:>8} {}", text(&protocol["name"]))?;
    }
    let connections = list(&told["connections"]);
    if !connections.is_empty() {
        let heads = ["number", "direction", "streams", "tags", "tally", "hold"];
        let [number, direction, streams, tags, tally, hold] = heads;
        writeln!(out)?;
        writeln!(
            out,
            "{number:>8} {direction:<9} {streams:>7} {tags:>6} {tally:>6} {hold:<9} peer"
        )?;
    }
    for connection in connections {
        let number = |key: &str| connection[key].as_i64().unwrap_or_default();
        let word = |key: &str| text(&connection[key]);
        writeln!(
            out,
            "{:>8} {:<9} {:>7} {:>6} {:>6} {:<9} {}",
            number("connection"),
            word("direction"),
            number("streams"),
            number("tags"),
            number("tally"),
            word("hold"),
            word("peer"),
        )?;
    }
    if let Some(next) = told["next"].as_u64() {
        writeln!(out, "and more: --first {next}")?;
    }
    Ok(())
}

/// `number 3, batch for connections: closed 2 of 2 wanted`.
fn round(told: &Value) -> String {
    if told.is_null() {
        return "none".to_owned();
    }
    let causes: Vec<_> = list(&told["causes"]).iter().map(text).collect();
    let number = |key: &str| told[key].as_u64().unwrap_or_default();
    format!(
        "number {}, {} for {}: closed {} of {} wanted",
        number("round"),
        text(&told["mode"]),
        causes.join(", "),
        number("closed"),
        number("wanted"),
    )
}

fn trim(told: &Value, out: &mut impl Write) -> io::Result<()> {
    for connection in list(&told["connections"]) {
        writeln!(
            out,
            "connection {} of {} ({}, worth {})",
            connection["connection"],
            text(&connection["peer"]),
            text(&connection["phase"]),
            connection["worth"]["total"],
        )?;
    }
    if let Some(more @ 1..) = told["more_connections"].as_u64() {
        writeln!(out, "and {more} more")?;
    }
    let done = if told["applied"] == true { "go" } else { "would go" };
    writeln!(out, "{} of {} {done}; {} were wanted", told["closing"], told["live"], told["wanted"])
}

fn explain(told: &Value, out: &mut impl Write) -> io::Result<()> {
    let protected = if told["protected"] == true { ", protected" } else { "" };
    writeln!(out, "peer {}: tags {}{protected}", text(&told["peer"]), told["tags"])?;
    for connection in list(&told["connections"]) {
        writeln!(out, "connection {} {}", connection["connection"], text(&connection["text"]))?;
    }
    let last = &told["last"];
    if !last.is_null() {
        let causes: Vec<_> = list(&last["causes"]).iter().map(text).collect();
        writeln!(
            out,
            "connection {} went in round {} ({}, worth {}), for {}",
            last["connection"],
            last["round"],
            text(&last["phase"]),
            last["worth"]["total"],
            causes.join(", "),
        )?;
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
