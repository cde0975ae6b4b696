//! Streams and connections of a node under one lock, opened and closed.

use std::hint::black_box;

use super::node::{Connection, Full, Node};
use crate::keys::{Key, Numbers, Order};
use crate::stream::AMPLE;
use crate::{Scenario, Setup, Timed, Work, keys};

/// Lives one after the other.
struct Lives<F> {
    node: Node,
    numbers: Numbers,
    /// Of the operations to come.
    keys: Vec<Key>,
    next: usize,
    live: F,
    /// By which peers are known: one of each.
    _connections: Vec<Connection>,
}

impl<F: Fn(&Node, &Key) + Send> Work for Lives<F> {
    fn ready(&mut self, times: u64) {
        let times = match self.numbers.order() {
            Order::InTurn(_) if !self.keys.is_empty() => return,
            Order::InTurn(peers) => peers,
            Order::Scattered(_) | Order::New => times,
        };
        self.keys = self.numbers.by_ref().take(times as usize).map(keys::peer).collect();
        self.next = 0;
    }

    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.live)(&self.node, &self.keys[self.next]);
            self.next = if self.next + 1 == self.keys.len() { 0 } else { self.next + 1 };
        }
    }
}

fn stream(node: &Node, peer: &Key) -> Result<(), Full> {
    let mut stream = node.open_stream(peer)?;
    stream.set_protocol("/protocol/1.0.0")?;
    stream.set_service("service")?;
    black_box(&stream);
    Ok(())
}

fn connection(node: &Node, peer: &Key) -> Result<(), Full> {
    let mut connection = node.open_connection()?;
    connection.set_peer(peer)?;
    black_box(&connection);
    Ok(())
}

/// The work of a scenario in which streams or connections live, or streams are refused.
pub fn work(setup: &Setup) -> Timed {
    match setup.scenario {
        Scenario::RefusedStream => lives(setup, 0, |node, peer| {
            assert!(black_box(node.open_stream(peer)).is_err(), "its peer has room");
        }),
        Scenario::Connection => lives(setup, AMPLE, |node, peer| {
            connection(node, peer).expect("there is room");
        }),
        _ => lives(setup, AMPLE, |node, peer| {
            stream(node, peer).expect("there is room");
        }),
    }
}

fn lives(
    setup: &Setup,
    streams_of_peer: u64,
    live: impl Fn(&Node, &Key) + Copy + Send + 'static,
) -> Timed {
    let node = Node::new(streams_of_peer);
    let work = |thread| {
        let numbers = Numbers::of_thread(setup, thread);
        let first = numbers.first();
        let connect = |number| {
            let mut connection = node.open_connection()?;
            connection.set_peer(&keys::peer(number))?;
            Ok(connection)
        };
        let known = (first..first + numbers.known()).map(connect).collect::<Result<_, Full>>();
        let connections = known.expect("there is room for connections");
        let (node, keys) = (node.clone(), Vec::new());
        let lives = Lives { node, numbers, keys, next: 0, live, _connections: connections };
        Box::new(lives) as Box<dyn Work>
    };
    Timed::Here((0..setup.threads as u64).map(work).collect())
}
