//! A manager with names for peers, for tests.

use std::{sync::Arc, time::Duration};

use rcmgr_connmgr::{
    ConnectionId, Direction, Event, Manager, Peer, Settings, TagInfo, TrimReport, Watermarks,
    trim::Order,
};

pub struct Node(pub Manager);

pub fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub fn peer(name: &str) -> Peer {
    Peer::new(name.as_bytes()).expect("it has a name")
}

/// Without a grace period, and with ticks of decay each second.
pub fn settings(low: u64, high: u64) -> Settings {
    Settings {
        marks: Watermarks::new(low, high).expect("the low mark is the lower one"),
        grace: Duration::ZERO,
        resolution: seconds(1),
        ..Settings::default()
    }
}

impl Node {
    pub fn new(low: u64, high: u64) -> Node {
        Node::with(settings(low, high))
    }

    pub fn with(settings: Settings) -> Node {
        Node(Manager::new(settings).expect("no period is zero"))
    }

    pub fn open(&mut self, at: u64, name: &str, id: u64, direction: Direction, streams: u32) {
        let (address, id) = (Arc::from("/ip4/192.0.2.1/tcp/1"), ConnectionId(id));
        let peer = peer(name);
        self.0
            .connection_opened(seconds(at), &peer, id, direction, address, streams)
            .expect("it is new");
    }

    /// A connection of one stream that this side opened.
    pub fn dial(&mut self, at: u64, name: &str, id: u64) {
        self.open(at, name, id, Direction::Outbound, 1);
    }

    pub fn close(&mut self, name: &str, id: u64) -> bool {
        self.0.connection_closed(&peer(name), ConnectionId(id))
    }

    pub fn tag(&mut self, at: u64, name: &str, tag: &str, value: i64) {
        self.0.tag(seconds(at), &peer(name), tag, value).expect("there is room");
    }

    pub fn protect(&mut self, name: &str, tag: &str) {
        self.0.protect(&peer(name), tag).expect("there is room");
    }

    pub fn info(&self, name: &str) -> Option<TagInfo> {
        self.0.tag_info(&peer(name))
    }

    pub fn value(&self, name: &str) -> Option<i64> {
        self.info(name).map(|info| info.value)
    }

    pub fn trim(&mut self, at: u64) -> TrimReport {
        self.0.trim(seconds(at))
    }

    pub fn force_trim(&mut self, at: u64) -> TrimReport {
        self.0.force_trim(seconds(at))
    }

    /// All that is due at a time, and the trims among it.
    pub fn poll(&mut self, at: u64) -> Vec<TrimReport> {
        let events = std::iter::from_fn(|| self.0.poll(seconds(at)));
        let trim = |event| match event {
            Event::Looked { trim, .. } => trim,
            _ => None,
        };
        events.filter_map(trim).collect()
    }

    pub fn candidates(&self, at: u64) -> usize {
        self.0.ranked(seconds(at), Order::Regular).len()
    }

    pub fn count(&self) -> u64 {
        self.0.info().connections
    }
}

/// The connections of a trim, in its order.
pub fn closed(report: &TrimReport) -> Vec<u64> {
    report.close.iter().map(|close| close.connection.0).collect()
}
