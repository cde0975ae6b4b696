//! What it costs to ask for ten thousand limits and to change them, as a report: run it with
//! `cargo run --release -p rcmgr-admin --example cost`.

#![allow(clippy::print_stdout)]

#[path = "../tests/node/mod.rs"]
mod node;

use std::time::Instant;

use node::Node;

#[tokio::main]
async fn main() {
    let node = Node::start("limits.yaml", "{}").await;
    let names = |streams: u64| -> String {
        let name =
            |nth| format!("    /protocol/number/{nth}: {{streams: {streams}, memory: 1MiB}}\n");
        format!("limits:\n  protocols:\n{}", (0..10_000).map(name).collect::<String>())
    };
    for (what, path, body) in [
        ("put", "/limits", Some(names(10))),
        ("get", "/limits", None),
        ("explain", "/limits?explain=1", None),
        ("put another", "/limits", Some(names(11))),
        ("try another", "/limits?dry_run=1", Some(names(12))),
        ("persist", "/limits?persist=1", Some(names(13))),
        ("stat", "/stat", None),
    ] {
        let start = Instant::now();
        let answer = match body {
            Some(body) => node.client.put(path, body, None).await.expect("the node answers"),
            None => node.client.get(path).await.expect("the node answers"),
        };
        println!(
            "{what:12} {:4} ms, {:7} bytes, {}",
            start.elapsed().as_millis(),
            answer.body.len(),
            answer.status
        );
    }
    let got = node.client.get("/limits").await.expect("the node answers");
    let start = Instant::now();
    let answer = node.client.put("/limits", got.body, got.version.as_deref()).await;
    match answer {
        Ok(answer) => {
            println!("put back     {:4} ms, {}", start.elapsed().as_millis(), answer.status)
        }
        Err(error) => println!("put back     {error}"),
    }
}
