//! A host of go-libp2p at our node, over TCP and QUIC: as a client, and as an attacker.
//!
//! Its source is `benches/peers/interop`; where it cannot be built, for want of a Go toolchain or
//! of the network for its modules, these tests are skipped and say so.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;
#[path = "interop/echo.rs"]
mod echo;
#[path = "interop/go.rs"]
mod go;
#[path = "interop/node.rs"]
mod node;
#[path = "../../../benches/peers/program.rs"]
mod peers;

use std::{path::Path, time::Duration};

use common::until;
use go::Go;
use libp2p::PeerId;
use node::{AGENT, ECHO, Node, Over, SCARCE};
use rcmgr_core::{Limit, Limits, Name, PeerKey, Resource, ScopeLimit};
use rcmgr_libp2p::StreamWait;
use serde_json::Value;

/// Longer than any test, so that time does not decide who is refused.
const PATIENT: StreamWait =
    StreamWait { inbound: Duration::from_secs(600), outbound: Duration::from_secs(600), queue: 8 };

/// How many ended in a way, of those that `report` counts at `of`.
fn count(report: &Value, of: &str, outcome: &str) -> u64 {
    let counts = &report[of]["counts"];
    assert!(counts.is_object(), "nothing is counted: {report}");
    counts[outcome].as_u64().unwrap_or(0)
}

/// That all ended in one way.
#[track_caller]
fn assert_all(report: &Value, of: &str, outcome: &str, expected: u64) {
    let counts = serde_json::json!({ outcome: expected });
    assert_eq!(report[of]["counts"], counts, "{report:#}");
}

fn peer_of(report: &Value) -> PeerKey {
    let peer: PeerId = report["peer"].as_str().unwrap().parse().unwrap();
    peer.to_bytes().into()
}

fn streams_of(node: &Node, peer: &PeerKey) -> u32 {
    node.manager.stats().peers[peer].streams_inbound
}

/// A host that has connected, and none of whose streams is open: that of identify is over.
async fn attacker(
    program: &Path,
    node: &Node,
    over: Over,
    command: &str,
    args: &[&str],
) -> (Go, PeerKey) {
    let mut attacker = Go::start(program, command, &node.address(over), args);
    let report = attacker.report().await;
    assert_eq!(report["connected"], 1, "{report:#}");
    let peer = peer_of(&report);
    until(|| streams_of(node, &peer) == 0).await;
    (attacker, peer)
}

fn limited(resource: Resource, limit: u64) -> ScopeLimit {
    ScopeLimit::UNLIMITED.with(resource, Limit::new(limit))
}

#[tokio::test]
async fn a_client_within_the_limits_is_answered_and_attributed() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        // Twice what is open at once: the streams of a round may come before those of the last one
        // have been given back.
        let mut limits =
            Limits { peer: limited(Resource::StreamsInbound, 20), ..Limits::default() };
        limits.peer.connections_inbound = Limit::new(1);
        limits.protocol = limited(Resource::StreamsInbound, 16);
        let node = Node::new(limits, StreamWait::default()).await;
        let args = ["-count", "8", "-rounds", "2"];
        let mut client = Go::start(program, "client", &node.address(over), &args);
        for round in 0..2 {
            let report = if round == 0 { client.report().await } else { client.next().await };
            assert_eq!(report["agent"], AGENT, "{report:#}");
            let spoken = report["protocols"].as_array().unwrap();
            assert!([ECHO, SCARCE].iter().all(|protocol| spoken.contains(&(*protocol).into())));
            assert_all(&report, "streams", "answered", 8);
            assert_all(&report, "ping", "answered", 1);

            let (peer, protocol) = (peer_of(&report), Name::from(ECHO));
            until(|| node.manager.stats().protocols[&protocol].streams_inbound == 8).await;
            let used = node.manager.stats();
            assert_eq!(used.system.connections_inbound, 1);
            assert_eq!(used.system.file_descriptors, u32::from(over == Over::Tcp));
            assert_eq!(used.peers[&peer].connections_inbound, 1);
            assert_eq!(used.peer_protocols[&(peer, protocol)].streams_inbound, 8);
            for protocol in ["/ipfs/ping/1.0.0", "/ipfs/id/1.0.0"] {
                assert!(used.protocols.contains_key(protocol), "{protocol}");
            }
        }
        client.leave().await;
        node.is_left().await;
    }
}

#[tokio::test]
async fn connections_beyond_the_limit_are_refused_and_who_is_within_is_served() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        let limits =
            Limits { system: limited(Resource::ConnectionsInbound, 8), ..Limits::default() };
        let node = Node::new(limits, StreamWait::default()).await;
        let to = node.address(over);
        let mut honest = Go::start(program, "client", &to, &["-rounds", "2"]);
        assert_all(&honest.report().await, "streams", "answered", 8);

        let mut attacker = Go::start(program, "connections", &to, &["-count", "24"]);
        let report = attacker.report().await;
        assert_eq!(count(&report, "outcomes", "answered"), 7, "{over:?} {report:#}");
        assert_eq!(report["connected"], 7, "{over:?} {report:#}");
        assert_eq!(node.peak(), 8);
        until(|| node.refused() == 17).await;
        assert_eq!(node.manager.stats().system.connections_inbound, 8);

        let served = honest.next().await;
        assert_all(&served, "streams", "answered", 8);
        assert_all(&served, "ping", "answered", 1);
        honest.leave().await;
        attacker.leave().await;
        node.is_left().await;

        let mut newcomer = Go::start(program, "client", &to, &[]);
        assert_all(&newcomer.report().await, "streams", "answered", 8);
        newcomer.leave().await;
        node.is_left().await;
    }
}

#[tokio::test]
async fn a_peer_beyond_its_connections_keeps_nobody_else_out() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        let limits = Limits { peer: limited(Resource::ConnectionsInbound, 3), ..Limits::default() };
        let node = Node::new(limits, StreamWait::default()).await;
        let to = node.address(over);
        let args = ["-count", "12", "-one-peer"];
        let mut attacker = Go::start(program, "connections", &to, &args);
        let report = attacker.report().await;
        assert_eq!(count(&report, "outcomes", "answered"), 3, "{over:?} {report:#}");
        assert_eq!(node.peak(), 3);
        until(|| node.refused() == 9).await;
        assert_eq!(node.manager.stats().peers[&peer_of(&report)].connections_inbound, 3);

        let mut honest = Go::start(program, "client", &to, &[]);
        assert_all(&honest.report().await, "streams", "answered", 8);
        honest.leave().await;
        attacker.leave().await;
        node.is_left().await;
    }
}

#[tokio::test]
async fn streams_beyond_the_limit_of_a_peer_wait_or_are_refused_and_the_connection_lives() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        for eager in [&[] as &[&str], &["-eager"]] {
            let limits =
                Limits { peer: limited(Resource::StreamsInbound, 16), ..Limits::default() };
            let node = Node::new(limits, PATIENT).await;
            // 16 are admitted, 8 wait, 16 are refused.
            let args = [&["-count", "40", "-settled", "32", "-later", "20"], eager].concat();
            let (mut attacker, peer) = attacker(program, &node, over, "streams", &args).await;
            let full = attacker.next().await;
            assert_eq!(count(&full, "outcomes", "answered"), 16, "{over:?} {full:#}");
            assert_eq!(count(&full, "outcomes", "unsupported"), 0, "{over:?} {full:#}");
            assert_eq!(streams_of(&node, &peer), 16);

            assert_all(&attacker.next().await, "outcomes", "answered", 8);
            let later = attacker.next().await;
            assert_all(&later, "outcomes", "answered", 20);
            assert_eq!(later["connected"], 1);
            assert_eq!(node.peak(), 1);
            attacker.leave().await;
            node.is_left().await;
        }
    }
}

#[tokio::test]
async fn streams_that_have_waited_too_long_are_refused_and_later_ones_are_answered() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        let limits = Limits { peer: limited(Resource::StreamsInbound, 4), ..Limits::default() };
        let wait = StreamWait { inbound: Duration::from_millis(500), ..StreamWait::default() };
        let node = Node::new(limits, wait).await;
        let args = ["-count", "10", "-later", "10"];
        let (mut attacker, peer) = attacker(program, &node, over, "streams", &args).await;
        let full = attacker.next().await;
        assert_eq!(count(&full, "outcomes", "answered"), 4, "{over:?} {full:#}");
        assert_eq!(count(&full, "outcomes", "unsupported"), 0, "{over:?} {full:#}");
        attacker.next().await;
        until(|| streams_of(&node, &peer) == 0).await;
        assert_all(&attacker.next().await, "outcomes", "answered", 10);
        assert_eq!(node.peak(), 1);
        attacker.leave().await;
        node.is_left().await;
    }
}

#[tokio::test]
async fn a_protocol_without_room_fails_its_streams_and_is_not_taken_for_unsupported() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        for eager in [&[] as &[&str], &["-eager"]] {
            let mut limits = Limits::default();
            limits.protocols.insert(SCARCE.into(), limited(Resource::StreamsInbound, 4));
            let node = Node::new(limits, StreamWait::default()).await;
            let args = [&["-protocol", SCARCE, "-count", "12", "-later", "4"], eager].concat();
            let (mut attacker, peer) = attacker(program, &node, over, "streams", &args).await;
            let full = attacker.next().await;
            assert_eq!(count(&full, "outcomes", "answered"), 4, "{over:?} {full:#}");
            let reset = count(&full, "outcomes", "reset");
            match over {
                Over::Tcp => assert_eq!(reset, 8, "{full:#}"),
                // libp2p's QUIC resets nothing: a stream that is dropped ends, and takes no more.
                // Which of the two is seen first is a matter of luck.
                Over::Quic => assert_eq!(reset + count(&full, "outcomes", "ended"), 8, "{full:#}"),
            }
            assert_eq!(node.manager.stats().protocols[SCARCE].streams_inbound, 4);

            attacker.next().await;
            until(|| streams_of(&node, &peer) == 0).await;
            assert_all(&attacker.next().await, "outcomes", "answered", 4);
            attacker.leave().await;
            node.is_left().await;
        }
    }
}

#[tokio::test]
async fn who_stalls_and_vanishes_leaves_nothing() {
    let Some(program) = go::program().await else { return };
    for over in Over::BOTH {
        let limits = Limits { peer: limited(Resource::StreamsInbound, 8), ..Limits::default() };
        // That of libp2p is 10 seconds.
        let node = Node::with_patience(limits, StreamWait::NONE, Duration::from_secs(5)).await;
        let to = node.address(over);
        let args = ["-count", "16", "-vanish"];
        let (mut attacker, peer) = attacker(program, &node, over, "stalled", &args).await;
        let report = attacker.next().await;
        assert_eq!(count(&report, "outcomes", "answered"), 8, "{over:?} {report:#}");
        assert_eq!(streams_of(&node, &peer), 8);

        let mut honest = Go::start(program, "client", &to, &["-count", "4"]);
        assert_all(&honest.report().await, "streams", "answered", 4);
        honest.leave().await;
        attacker.leave().await;
        node.is_left().await;
    }
}
