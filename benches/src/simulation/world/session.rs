//! The time that an honest peer wants to be connected, and what it wants to exchange in it.

use std::time::Duration;

use rcmgr_connmgr::{ConnectionId, Direction};

use crate::simulation::{chance::Chance, kind::Kind};

/// A session of an honest peer. What it wants follows from its own chance only, so that it is the
/// same whoever manages the connections.
#[derive(Debug)]
pub struct Session {
    pub kind: Kind,
    pub peer: u64,
    pub direction: Direction,
    pub protected: bool,
    /// In a transfer: whether the peer gives and this node takes.
    pub gives: bool,
    pub end: Duration,
    /// When there was an exchange last, or the session began.
    pub last: Duration,
    /// When the next exchange is due, if there is another one.
    pub next: Option<Duration>,
    pub done: u32,
    most: u32,
    /// Of what is wanted.
    chance: Chance,
    /// Of all else.
    pub luck: Chance,
    pub connection: Option<ConnectionId>,
    /// When it was connected last.
    pub since: Duration,
    pub opened: bool,
    pub counted: bool,
    failures: u32,
}

impl Session {
    pub fn new(
        kind: Kind,
        peer: u64,
        begin: Duration,
        stay: Duration,
        chance: &mut Chance,
    ) -> Session {
        let outbound = chance.happens(kind.outbound());
        let mut session = Session {
            kind,
            peer,
            direction: if outbound { Direction::Outbound } else { Direction::Inbound },
            protected: chance.happens(kind.protected()),
            gives: chance.happens(50),
            end: begin + stay,
            last: begin,
            next: None,
            done: 0,
            most: kind.draw_exchanges(chance),
            luck: chance.apart(),
            chance: chance.apart(),
            connection: None,
            since: begin,
            opened: false,
            counted: false,
            failures: 0,
        };
        session.go_on(begin);
        session
    }

    /// Draws the next exchange.
    pub fn go_on(&mut self, now: Duration) {
        let pause = self.kind.draw_pause(self.done, &mut self.chance);
        let at = now + pause;
        self.next = (self.done < self.most && at <= self.end).then_some(at);
    }

    /// How long it is until somebody dials again: 5 s, and twice as long each time that it did not
    /// last for 10 minutes, up to 5 minutes; half as long to half as long again.
    pub fn draw_return(&mut self, now: Duration) -> Duration {
        const LASTED: Duration = Duration::from_secs(600);
        let lasted = self.connection.is_some() && now.saturating_sub(self.since) >= LASTED;
        self.failures = if lasted { 0 } else { self.failures + 1 };
        let base = Duration::from_secs(5 << self.failures.min(6)).min(Duration::from_secs(300));
        base.mul_f64(0.5 + self.luck.part())
    }
}
