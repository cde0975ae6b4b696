//! The attacked node: the demonstration's, with limits or without.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use libp2p::tcp;
use rcmgr_core::{
    Limit, Observer, RateLimited, RateRule, Refusal, Resource, ResourceManager, ScopeId,
};
use rcmgr_libp2p::Stack;
use tokio::sync::mpsc;

use super::{
    limits,
    message::{Answer, Counts, Order, Place},
    party::say,
};
use crate::demo::{
    node::Node,
    observe::Watch,
    settle::settle,
    stack::{HANDSHAKE_TIMEOUT, Party},
};

/// Runs the node.
///
/// # Errors
/// It gets no address.
pub async fn play(limited: bool, seed: u64, mut orders: mpsc::Receiver<Order>) -> io::Result<()> {
    let counter = Arc::new(Counter::new());
    let manager = limited.then(|| {
        let builder = ResourceManager::builder().limits(limits::limits());
        builder.observer(counter.clone()).build()
    });
    let node = match manager.clone() {
        Some(manager) => {
            let keypair = Party::Node.keypair(seed);
            let transport = Stack::new(&keypair)
                .with_tcp(tcp::Config::default().nodelay(true))
                .with_noise()
                .with_yamux(limits::YAMUX)
                .with_connection_timeout(HANDSHAKE_TIMEOUT)
                .limited_by(manager.clone(), limits::config())
                .map_err(io::Error::other)?;
            Node::start_over(transport, &keypair, Some(manager), Node::any_port()).await?
        }
        None => Node::start_unlimited(seed, Node::any_port()).await?,
    };
    let place = Place { peer: node.peer.to_string(), socket: node.socket()? };
    say(&Answer::Listening(place))?;
    while let Some(order) = orders.recv().await {
        let left = match (order, &manager) {
            (Order::Settle, Some(manager)) => settle(manager).await.left,
            (Order::Settle | Order::Tell, _) => 0,
            (order, _) => return Err(io::Error::other(format!("{order:?} is not for a node"))),
        };
        say(&Answer::Counts(counter.counts(left)))?;
    }
    Ok(())
}

/// The prefix lengths of IPv4, and one place for all other rates.
const LENGTHS: usize = 34;

/// The demonstration's observer, and the refusals of rates.
struct Counter {
    watch: Watch,
    rates: [AtomicU64; LENGTHS],
}

impl Counter {
    fn new() -> Counter {
        Counter { watch: Watch::new([]), rates: std::array::from_fn(|_| AtomicU64::new(0)) }
    }

    fn counts(&self, left: u64) -> Counts {
        let mut refused: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        let mut tries = BTreeMap::new();
        for seen in self.watch.seen().filter(|seen| seen.refused > 0) {
            if seen.resource == Resource::StreamsInbound {
                tries.insert(seen.kind.to_owned(), seen.refused);
                continue;
            }
            let of_kind = refused.entry(seen.kind.to_owned()).or_default();
            of_kind.insert(seen.resource.name().to_owned(), seen.refused);
        }
        for (length, count) in self.rates.iter().enumerate() {
            let count = count.load(Relaxed);
            if count > 0 {
                let name = if length > 32 { "other".to_owned() } else { format!("/{length}") };
                refused.entry("rate".to_owned()).or_default().insert(name, count);
            }
        }
        let streams = self.watch.charges_of("system", Resource::StreamsInbound);
        Counts { refused, tries, streams, over_limit: self.watch.over_limit(), left }
    }
}

impl Observer for Counter {
    fn charged(&self, scope: &ScopeId, resource: Resource, used: u64, limit: Limit) {
        self.watch.charged(scope, resource, used, limit);
    }

    fn refused(&self, refusal: &Refusal) {
        self.watch.refused(refusal);
    }

    fn rate_limited(&self, refusal: &RateLimited) {
        let place = match refusal.rule {
            RateRule::Network(network) if network.addr().is_ipv4() => {
                usize::from(network.prefix_len())
            }
            _ => LENGTHS - 1,
        };
        self.rates[place].fetch_add(1, Relaxed);
    }
}
