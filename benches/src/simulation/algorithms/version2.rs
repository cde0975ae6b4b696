//! Version 2: the [`Regulator`], by its defaults.

use std::{collections::BTreeMap, num::NonZeroUsize, sync::Arc, time::Duration};

use rcmgr_connmgr::{
    Action, ConnectionId, Opened, Regulator, RegulatorError, RegulatorSettings, Room, Score,
    Scoring, Settings, StreamId, StreamView, Wanted,
    lock::{LockGuard, LockRequest},
    quota::{Amount, Answer, Enrollment, Matcher, QuotaSpec},
    round::Short,
};
use rcmgr_core::{Limit, Limits};

use super::tagged::{Applications, address, stream};
use crate::simulation::algorithm::{Algorithm, Connection, Marks, News, Protocol};

/// For how long a lock of the application that keeps everybody is renewed.
const LEASE: Duration = Duration::from_secs(600);

/// Streams that scorers are asked about at a time.
const BATCH: NonZeroUsize = NonZeroUsize::new(4096).expect("not zero");

/// How an application uses the regulator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// As it used version 1: by tags and protection, with no protocol enrolled.
    Tags,
    /// With its protocols enrolled, scored and locked.
    Enrolled,
}

/// The regulator.
pub struct Version2 {
    regulator: Regulator,
    applications: Applications,
    enrolled: BTreeMap<Protocol, Enrollment>,
    locks: BTreeMap<ConnectionId, Kept>,
}

/// What the application that keeps everybody has of a connection.
struct Kept {
    connection: Connection,
    lock: Option<LockGuard>,
    again: Duration,
}

/// What a protocol asks of the share, in basis points, from and to: together 60 percent.
const fn quota(protocol: Protocol) -> (u16, u16) {
    match protocol {
        Protocol::Kad => (2500, 6000),
        Protocol::Gossip => (1000, 3000),
        Protocol::Bitswap => (1000, 3000),
        Protocol::Requests => (1000, 3000),
        Protocol::Keeper => (500, 2000),
    }
}

/// What the streams of a protocol are worth. Its tags times ten: as a part of the range of scores
/// they are then about what they are as a part of the range of tags. For requests, which have no
/// tags: 100 up to ten minutes after the last.
fn score(protocol: Protocol, view: &StreamView) -> Score {
    match protocol {
        Protocol::Kad | Protocol::Gossip | Protocol::Bitswap => {
            Score::new(view.tags.saturating_mul(10))
        }
        Protocol::Requests if view.idle < Duration::from_secs(600) => Score::new(100),
        Protocol::Requests | Protocol::Keeper => Score::INDIFFERENT,
    }
}

impl Version2 {
    /// Of a node whose limit is the hard one; the other marks follow from it.
    ///
    /// # Errors
    /// Limits that no share can be derived from.
    pub fn new(marks: Marks, of: Use, seed: u64) -> Result<Version2, RegulatorError> {
        let mut limits = Limits::default();
        limits.system.connections = Limit::from(marks.hard);
        let manager = Settings { seed: Some(seed), ..Settings::default() };
        let scoring = Scoring::Inline(BATCH);
        let settings = RegulatorSettings { manager, scoring, ..RegulatorSettings::default() };
        let regulator = Regulator::new(settings, &limits)?;
        let applications = Applications::new(regulator.manager()).expect("it is the first tag");
        let (enrolled, locks) = (BTreeMap::new(), BTreeMap::new());
        let mut made = Version2 { regulator, applications, enrolled, locks };
        if of == Use::Enrolled {
            Protocol::ALL.into_iter().for_each(|protocol| made.enroll(protocol));
        }
        Ok(made)
    }

    fn enroll(&mut self, protocol: Protocol) {
        let (min, max) = quota(protocol);
        let spec = QuotaSpec::new(Amount::Bp(min), Amount::Bp(max));
        let matchers = [Matcher::Exact(protocol.name().into())];
        let now = Duration::ZERO;
        let answer = self.regulator.enroll(now, protocol.name(), &matchers, spec);
        let enrollment = match answer.expect("the minima fit in the share") {
            Answer::Granted(enrollment) => enrollment,
            Answer::Counter(offer) => {
                self.regulator.accept(now, offer).expect("it was made just now")
            }
        };
        let scorer = move |view: &StreamView| score(protocol, view);
        self.regulator.set_scorer(enrollment, Arc::new(scorer)).expect("it was enrolled just now");
        self.enrolled.insert(protocol, enrollment);
    }

    /// Takes what is to be closed. All else that the regulator asks for concerns nobody here.
    fn closing(&self, now: Duration) -> Vec<ConnectionId> {
        let actions = self.regulator.poll(now).into_iter();
        actions
            .filter_map(|action| match action {
                Action::Close(eviction) => Some(eviction.connection),
                _ => None,
            })
            .collect()
    }

    fn keep(&mut self, now: Duration, connection: &Connection, protocol: Protocol) {
        match self.enrolled.get(&protocol) {
            None => self.applications.keep(self.regulator.manager(), connection),
            Some(_) => {
                let connection = connection.clone();
                let id = connection.id;
                self.locks.insert(id, Kept { connection, lock: None, again: now });
                self.lock_all(now, protocol);
            }
        }
    }

    /// The application asks again and again for locks that it has not, and renews those it has.
    fn lock_all(&mut self, now: Duration, protocol: Protocol) {
        let Some(enrollment) = self.enrolled.get(&protocol) else { return };
        for kept in self.locks.values_mut().filter(|kept| kept.again <= now) {
            kept.again = now + LEASE / 2;
            let renewed = kept.lock.as_ref().is_some_and(|lock| lock.renew(now, LEASE).is_ok());
            if !renewed {
                let request =
                    LockRequest { lease: LEASE, reason: "kept", ..LockRequest::default() };
                kept.lock = self.regulator.lock(now, kept.connection.id, *enrollment, request).ok();
            }
        }
    }
}

impl Algorithm for Version2 {
    fn tell(&mut self, now: Duration, connection: &Connection, news: News) {
        let Connection { id, peer, direction, address: network, round_trip } = connection;
        match news {
            News::Opened => {
                let address = address(connection);
                let (id, direction, network) = (*id, *direction, Some(*network));
                let opened = Opened { peer, id, direction, address, network, descriptor: true };
                let opened = self.regulator.connection_opened(now, opened);
                opened.expect("a world has fewer connections than a manager may");
                self.regulator.measured_rtt(id, *round_trip);
            }
            News::Closed => {
                self.locks.remove(id);
                self.regulator.connection_closed(now, *id);
            }
            News::StreamOpened(protocol) => {
                let number = StreamId(stream(connection, protocol));
                self.regulator.stream_opened(now, *id, number, *direction);
                self.regulator.stream_protocol(now, *id, number, protocol.name());
            }
            News::StreamClosed(protocol) => {
                let number = StreamId(stream(connection, protocol));
                self.regulator.stream_closed(now, *id, number);
            }
            News::Used(protocol) => {
                let number = StreamId(stream(connection, protocol));
                self.regulator.stream_carried(now, *id, number, 1, 1);
                self.regulator.used(now, *id);
            }
            News::Kept(protocol) => self.keep(now, connection, protocol),
            _ => {}
        }
        self.applications.tell(self.regulator.manager(), now, connection, news);
    }

    fn make_room(&mut self, now: Duration, newcomer: &Connection) -> Vec<ConnectionId> {
        let Connection { peer, direction, address, .. } = newcomer;
        let (peer, network, direction) = (Some(peer), Some(*address), *direction);
        let wanted = Wanted { peer, network, direction, short: Short::Connections };
        match self.regulator.make_room(now, wanted) {
            Room::Closing(_) => self.closing(now),
            Room::None(_) => Vec::new(),
        }
    }

    fn poll(&mut self, now: Duration) -> Vec<ConnectionId> {
        self.lock_all(now, Protocol::Keeper);
        self.closing(now)
    }
}
