//! Tests of the parts as one.

mod faults;
mod locked;
mod protocols;
mod room;
mod rounds;
mod sequences;
mod threads;
mod tuning;

use std::{num::NonZeroUsize, sync::Arc};

use rcmgr_machine::{
    MachineError, MemoryBound, MemoryUse, Readings, ResidentError, Stalls, Unread,
};

use super::*;
use crate::{
    ConnectionId, Direction, Peer, ShareSettings, StreamId,
    quota::{Amount, Answer, Enrollment, Matcher, QuotaSpec, Slot},
    round::{Candidate, Hold, Shields, Short},
};

const NOBODY: [u64; 0] = [];

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Without grace, shields and chance, of so many connections, with tags on the scale of scores.
fn settings(soft: u32, low: u32) -> RegulatorSettings {
    let mut settings = RegulatorSettings {
        share: ShareSettings { soft: Some(soft), low: Some(low), ..ShareSettings::default() },
        scoring: Scoring::Inline(const { NonZeroUsize::new(64).unwrap() }),
        tag_point: 1,
        ..RegulatorSettings::default()
    };
    settings.policy.shields = Shields::NONE;
    settings.manager.grace = Duration::ZERO;
    settings.manager.seed = Some(7);
    settings
}

const _: fn() = || {
    fn is_shared_by_threads<T: Send + Sync>() {}
    is_shared_by_threads::<Regulator>();
};

/// A regulator at a time, that does at once what it is told to.
struct Node {
    regulator: Regulator,
    now: Duration,
    streams: u64,
}

impl Node {
    fn new(soft: u32, low: u32) -> Node {
        Node::of(settings(soft, low))
    }

    fn of(settings: RegulatorSettings) -> Node {
        let regulator = Regulator::new(settings, &Limits::default()).unwrap();
        Node { regulator, now: seconds(1000), streams: 0 }
    }

    /// Opens a connection of a peer of its own, in a network of its own.
    fn open(&self, id: u64) {
        let network = std::net::Ipv4Addr::from_bits((id as u32) << 16);
        let opened = Opened {
            peer: &peer(id),
            id: ConnectionId(id),
            direction: Direction::Inbound,
            address: Arc::from(format!("/ip4/{network}")),
            network: Some(network.into()),
            descriptor: true,
        };
        self.regulator.connection_opened(self.now, opened).unwrap();
    }

    fn open_with_tag(&self, id: u64, value: i64) {
        self.open(id);
        self.tag(id, value);
    }

    fn tag(&self, id: u64, value: i64) {
        self.regulator.manager().tag(self.now, &peer(id), "worth", value).unwrap();
    }

    fn close(&self, id: u64) -> bool {
        self.regulator.connection_closed(self.now, ConnectionId(id))
    }

    /// Opens a stream of a protocol.
    fn stream(&mut self, id: u64, protocol: &str) -> StreamId {
        self.streams += 1;
        let stream = StreamId(self.streams);
        let (now, connection) = (self.now, ConnectionId(id));
        self.regulator.stream_opened(now, connection, stream, Direction::Inbound);
        self.regulator.stream_protocol(now, connection, stream, protocol);
        stream
    }

    /// Enrolls a protocol, whose streams are named as it.
    fn enroll(&self, name: &str, min: u32, max: u32) -> Enrollment {
        let spec = QuotaSpec::new(Amount::Abs(min), Amount::Abs(max));
        let matcher = Matcher::Exact(name.into());
        match self.regulator.enroll(self.now, name, &[matcher], spec).unwrap() {
            Answer::Granted(enrollment) => enrollment,
            Answer::Counter(offer) => self.regulator.accept(self.now, offer).unwrap(),
        }
    }

    fn used(&self, protocol: Enrollment) -> u32 {
        let enrolled = self.regulator.enrolled(self.now);
        enrolled.iter().find(|known| known.enrollment == protocol).unwrap().used
    }

    /// Polls, and closes what has to go; what went, and what else is to be done.
    fn poll(&self) -> (Vec<u64>, Vec<Action>) {
        let (mut gone, mut others) = (Vec::new(), Vec::new());
        for action in self.regulator.poll(self.now) {
            match action {
                Action::Close(eviction) => {
                    assert!(self.close(eviction.connection.0));
                    gone.push(eviction.connection.0);
                }
                other => others.push(other),
            }
        }
        (gone, others)
    }

    /// What goes in the next poll.
    fn gone(&self) -> Vec<u64> {
        self.poll().0
    }

    fn later(&mut self, by: u64) {
        self.now += seconds(by);
    }

    /// Counts again what is counted as it changes.
    fn check_counts(&self) {
        let (mut live, mut closing, mut usage) = (0, 0, [0; 64]);
        for at in 0..self.regulator.table.shards() {
            for (_, held) in self.regulator.table.shard(at).iter() {
                *if held.closing { &mut closing } else { &mut live } += 1;
                held.charged().iter().for_each(|slot| usage[slot.index()] += 1);
            }
        }
        assert_eq!((self.regulator.live(), self.regulator.closing()), (live, closing));
        for slot in (0..64).map_while(Slot::new) {
            assert_eq!(self.regulator.table.usage(slot), usage[slot.index()], "{slot:?}");
        }
    }

    /// Looks up plainly what a round goes by.
    fn check_look(&self) {
        let Node { regulator, now, .. } = self;
        let voices = regulator.terms(*now).voices;
        let look = regulator.look(*now, &voices);
        let mut expected = Vec::new();
        for at in 0..regulator.table.shards() {
            for (id, held) in regulator.table.shard(at).iter().filter(|(_, held)| !held.closing) {
                let tags = regulator.manager.standing(&held.peer).tags;
                let tally = voices.tally(held.votes(*now), tags);
                let locked = held.live.look().unwrap().locks > 0;
                expected.push((id, tally, held.network, held.streams(), locked));
            }
        }
        expected.sort();
        let rows = look.rows.iter().zip(&look.ids);
        let seen = |(row, id): (&Candidate, &ConnectionId)| {
            (*id, row.tally, row.network, row.streams, row.hold == Hold::Locked)
        };
        let rows = rows.map(seen);
        assert_eq!(rows.collect::<Vec<_>>(), expected);
        assert!(look.rows.iter().zip(0..).all(|(row, key)| row.key == key));
    }

    /// Nothing is left of connections.
    fn check_empty(&self) {
        self.check_counts();
        assert_eq!((self.regulator.live(), self.regulator.closing()), (0, 0));
        assert_eq!(self.regulator.peers.len(), 0);
        assert_eq!(self.regulator.manager().info().connections, 0);
        assert_eq!(self.regulator.locked().used, 0);
    }
}

fn peer(id: u64) -> Peer {
    Peer::new(&id.to_be_bytes()).unwrap()
}

/// Readings of a machine with 1000 descriptors, of which nothing else can be read.
fn readings() -> Readings {
    let unread =
        || Unread::Unreadable { path: "x".into(), error: std::io::ErrorKind::NotFound.into() };
    Readings {
        memory: Err(MachineError::Unsupported),
        resident: Err(ResidentError::Unsupported),
        stalls: Err(unread()),
        descriptor_limit: Ok(1000),
        open_descriptors: None,
    }
}

/// The same where memory is used to so many percent, and tasks stood still for so long.
fn memory(percent: u64, stalled: Duration) -> Readings {
    let bounded_by = MemoryBound::Cgroup("/sys/fs/cgroup/memory.max".into());
    let memory = Ok(MemoryUse { used: percent, limit: 100, bounded_by, reached: Some(0) });
    Readings { memory, stalls: Ok(Stalls { some: stalled, full: stalled }), ..readings() }
}
