//! A connection manager written plainly, as go-libp2p's is: 256 segments by the last byte of the
//! peer's identifier, each a map under a mutex.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use super::Manages;
use crate::keys;

type Id = Arc<[u8]>;

#[derive(Debug)]
struct Info {
    tags: HashMap<String, i64>,
    /// There are none in what is measured, as in most nodes.
    decaying: HashMap<u64, i64>,
    value: i64,
    temporary: bool,
    connections: HashMap<u64, Instant>,
    first_seen: Instant,
}

impl Info {
    fn new(temporary: bool) -> Info {
        Info {
            tags: HashMap::new(),
            decaying: HashMap::new(),
            value: 0,
            temporary,
            connections: HashMap::new(),
            first_seen: Instant::now(),
        }
    }
}

/// The segments, and the peers that there are.
#[derive(Debug)]
pub struct Segmented {
    segments: Vec<Mutex<HashMap<Id, Info>>>,
    connections: AtomicI64,
    peers: Vec<Id>,
}

impl Segmented {
    /// A manager without connections, for so many peers.
    pub fn new(peers: usize) -> Segmented {
        Segmented {
            segments: (0..256).map(|_| Mutex::default()).collect(),
            connections: AtomicI64::new(0),
            peers: (0..peers).map(|number| Arc::from(keys::peer(number as u64))).collect(),
        }
    }

    fn with<R>(&self, peer: usize, act: impl FnOnce(&mut HashMap<Id, Info>, &Id) -> R) -> R {
        let id = &self.peers[peer];
        let segment = &self.segments[usize::from(id[id.len() - 1])];
        act(&mut segment.lock().expect("nothing panics under it"), id)
    }

    /// What is known of all peers: how many, their connections, and the sum of their values.
    pub fn totals(&self) -> (usize, i64, i64) {
        let segments = self.segments.iter().map(|one| one.lock().expect("nothing panics under it"));
        let mut known = (0, self.connections.load(SeqCst), 0);
        for segment in segments {
            known.0 += segment.len();
            let values = segment.values().map(|info| info.value + info.decaying.len() as i64);
            known.2 += values.sum::<i64>();
        }
        known
    }
}

impl Manages for Segmented {
    fn opened(&self, _now: Duration, peer: usize, connection: u64) {
        self.with(peer, |peers, id| {
            let info = peers.entry(Arc::clone(id)).or_insert_with(|| Info::new(false));
            if info.temporary {
                info.temporary = false;
                info.first_seen = Instant::now();
            }
            info.connections.insert(connection, Instant::now());
            self.connections.fetch_add(1, SeqCst);
        });
    }

    fn tag(&self, _now: Duration, peer: usize, tag: &str, value: i64) {
        self.with(peer, |peers, id| {
            let info = peers.entry(Arc::clone(id)).or_insert_with(|| Info::new(true));
            info.value += value - info.tags.get(tag).copied().unwrap_or(0);
            match info.tags.get_mut(tag) {
                Some(known) => *known = value,
                None => drop(info.tags.insert(tag.to_owned(), value)),
            }
        });
    }

    fn untag(&self, peer: usize, tag: &str) {
        self.with(peer, |peers, id| {
            if let Some(info) = peers.get_mut(id) {
                info.value -= info.tags.remove(tag).unwrap_or(0);
            }
        });
    }

    fn closed(&self, peer: usize, connection: u64) {
        self.with(peer, |peers, id| {
            let Some(info) = peers.get_mut(id) else { return };
            if info.connections.remove(&connection).is_none() {
                return;
            }
            if info.connections.is_empty() {
                peers.remove(id);
            }
            self.connections.fetch_sub(1, SeqCst);
        });
    }
}
