//! Limits that are lowered and raised while requests run.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    iter,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use common::{
    config,
    echo::{self, Behaviour},
    is_clear, node, over_tcp, system, until,
};
use libp2p::{
    PeerId, StreamProtocol,
    core::upgrade::Version,
    futures::future::{join, join_all},
    request_response::{self, Message, ProtocolSupport},
    swarm::SwarmEvent,
};
use rcmgr_core::{Limits, Resource, ResourceManager};
use rcmgr_libp2p::{Config, StreamWait};

type Node = node::Node<Behaviour>;

fn start() -> Node {
    let wait = Duration::from_millis(50);
    let stream_wait = StreamWait { inbound: wait, outbound: wait, queue: 2 };
    let config = Config { stream_wait, ..config() };
    Node::start(Limits::default(), config, Version::V1, |key| {
        let protocol = (StreamProtocol::new(echo::PROTOCOL), ProtocolSupport::Full);
        let requests = Behaviour::new([protocol], request_response::Config::default());
        (over_tcp(key), requests)
    })
}

/// Keeps `AT_ONCE` requests under way, and counts the answers.
async fn ask(node: &mut Node, peer: PeerId, answers: &AtomicUsize, is_over: &AtomicBool) {
    const AT_ONCE: usize = 4;
    let mut under_way = 0;
    while under_way > 0 || !is_over.load(Ordering::Relaxed) {
        while under_way < AT_ONCE && !is_over.load(Ordering::Relaxed) {
            node.act(move |swarm| swarm.behaviour_mut().send_request(&peer, b"hello".into())).await;
            under_way += 1;
        }
        let answered = node
            .event(|event| match event {
                SwarmEvent::Behaviour(event) => match event {
                    echo::Event::Message { message: Message::Response { .. }, .. } => Some(true),
                    echo::Event::OutboundFailure { .. } => Some(false),
                    _ => None,
                },
                _ => None,
            })
            .await;
        under_way -= 1;
        answers.fetch_add(answered.into(), Ordering::Relaxed);
    }
}

/// Answers requests until it is dropped.
async fn serve(node: &mut Node) {
    loop {
        if let SwarmEvent::Behaviour(echo::Event::Message {
            message: Message::Request { request, channel, .. },
            ..
        }) = node.next().await
        {
            // Whoever asked may be gone, or have no room for the answer.
            let _ = node.act(|swarm| swarm.behaviour_mut().send_response(channel, request)).await;
        }
    }
}

/// Lowers and raises the limit of inbound streams while others ask.
async fn change_limits(manager: &ResourceManager, answers: &[AtomicUsize]) {
    const ROUNDS: u64 = 6;
    for round in 0..ROUNDS {
        let limit = round % 3;
        manager.set_limits(system(Resource::StreamsInbound, limit));
        let inbound = || u64::from(manager.system().stats().streams_inbound);
        until(|| inbound() <= limit).await;
        for _ in 0..20 {
            assert!(inbound() <= limit, "it was let in over the limit");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        manager.set_limits(Limits::default());
        for answers in answers {
            let before = answers.load(Ordering::Relaxed);
            until(|| answers.load(Ordering::Relaxed) >= before + 10).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_change_while_requests_run() {
    const NODES: usize = 3;
    let mut server = start();
    let to = server.listen("/ip4/127.0.0.1/tcp/0").await;
    let (peer, manager) = (server.id, server.manager.clone());
    let mut nodes: Vec<_> = iter::repeat_with(start).take(NODES).collect();
    for node in &mut nodes {
        node.connect(peer, &to).await;
    }

    let answers = [(); NODES].map(|()| AtomicUsize::new(0));
    let is_over = AtomicBool::new(false);
    let ask = |(node, answers)| ask(node, peer, answers, &is_over);
    let asking = join_all(nodes.iter_mut().zip(&answers).map(ask));
    let changing = async {
        change_limits(&manager, &answers).await;
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::select! {
        _ = join(asking, changing) => {}
        () = serve(&mut server) => unreachable!("it serves for ever"),
    }

    nodes.push(server);
    for node in &mut nodes {
        let lost = node.has_seen(|event| matches!(event, SwarmEvent::ConnectionClosed { .. }));
        assert!(!lost, "a connection was lost");
    }
    for node in nodes {
        let manager = node.stop().await;
        until(|| is_clear(&manager)).await;
    }
}
