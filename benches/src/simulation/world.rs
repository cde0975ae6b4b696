//! A world: a node, those who want something of it, and time that passes.

mod places;
mod queue;
mod session;

#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rcmgr_connmgr::{ConnectionId, Direction, Peer};

use self::{places::Places, queue::Queue, session::Session};
use super::{
    algorithm::{Algorithm, Connection, Marks, News, Protocol, Tag},
    attack::{Arrivals, Attack, Conduct},
    chance::Chance,
    kind::{Kind, Return, transfer_tag},
    measures::Outcome,
    scenario::{Scenario, Span},
};

/// The honest peers: who has a session is one of so many of the kind. Most are passers-by.
const PASSERS: u64 = 30_000;
const OTHERS: u64 = 2_000;

/// From one look at how it stands to the next: never long at the same place of what recurs.
const LOOK: Duration = Duration::from_secs(293);
const SECOND: Duration = Duration::from_secs(1);

/// The most that is to be seen of messages first delivered; go-libp2p's gossip counts no more.
const FIRST_OF_MESH: u32 = 30;
const FIRST_OF_TOPIC: u32 = 10;

/// Lets a scenario happen, with an algorithm that decides which connections go.
///
/// What honest peers want depends on scenario, span and seed only.
pub fn run(
    scenario: &Scenario,
    span: Span,
    marks: Marks,
    seed: u64,
    algorithm: &mut dyn Algorithm,
) -> Outcome {
    let mut world = World::new(scenario, span, marks, seed, algorithm);
    world.begin();
    while let Some((at, event)) = world.queue.next(span.to) {
        world.now = at;
        world.happen(event);
    }
    world.outcome.open = world.live.len() as u64;
    world.outcome
}

#[derive(Clone, Copy, Debug)]
enum Event {
    /// An honest peer of a kind comes.
    Arrive(Kind),
    /// A session dials.
    Dial(u64),
    /// A session has something to exchange.
    Exchange(u64),
    /// A session ends.
    Leave(u64),
    /// A stream may have been idle for long enough.
    Linger(ConnectionId),
    /// Attackers come.
    Attack,
    /// One of a wave comes.
    Join,
    /// An attacker does something.
    Deed(ConnectionId),
    /// An attacker leaves.
    Desert(ConnectionId),
    /// The algorithm is asked.
    Ask,
    /// How it stands is noted.
    Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    Session(u64),
    Attacker { since: Duration, deeds: u32 },
}

#[derive(Debug)]
struct Live {
    connection: Connection,
    owner: Owner,
    /// The streams that are open, by protocol.
    streams: [bool; Protocol::ALL.len()],
    /// Until when the stream stays that closes by itself.
    linger: Option<(Protocol, Duration)>,
}

struct World<'a> {
    scenario: &'a Scenario,
    span: Span,
    marks: Marks,
    algorithm: &'a mut dyn Algorithm,
    now: Duration,
    queue: Queue<Event>,
    /// Of who comes when.
    arrivals: Chance,
    /// Of attackers.
    malice: Chance,
    places: Places,
    sessions: BTreeMap<u64, Session>,
    busy: BTreeSet<u64>,
    live: BTreeMap<ConnectionId, Live>,
    attackers: u32,
    numbers: u64,
    outcome: Outcome,
}

impl<'a> World<'a> {
    fn new(
        scenario: &'a Scenario,
        span: Span,
        marks: Marks,
        seed: u64,
        algorithm: &'a mut dyn Algorithm,
    ) -> World<'a> {
        let mut chance = Chance::new(seed);
        World {
            scenario,
            span,
            marks,
            algorithm,
            now: Duration::ZERO,
            queue: Queue::new(),
            arrivals: chance.apart(),
            malice: chance.apart(),
            places: Places::new(scenario.demand.together),
            sessions: BTreeMap::new(),
            busy: BTreeSet::new(),
            live: BTreeMap::new(),
            attackers: 0,
            numbers: 0,
            outcome: Outcome::default(),
        }
    }

    fn begin(&mut self) {
        for kind in Kind::ALL {
            for _ in 0..self.scenario.demand.of(kind).round() as u64 {
                let rest = kind.draw_rest(&mut self.arrivals);
                self.arrive(kind, rest);
            }
            self.plan_arrival(kind);
        }
        self.queue.plan(SECOND, Event::Ask);
        self.queue.plan(self.span.from + LOOK, Event::Look);
        if let Some(attack) = self.scenario.attack {
            self.queue.plan(attack.from, Event::Attack);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(kind) => {
                let stay = kind.draw_stay(&mut self.arrivals);
                self.arrive(kind, stay);
                self.plan_arrival(kind);
            }
            Event::Dial(session) => self.dial(session),
            Event::Exchange(session) => self.exchange(session),
            Event::Leave(session) => self.leave(session),
            Event::Linger(connection) => self.linger(connection),
            Event::Attack => self.attack(),
            Event::Join => self.join(),
            Event::Deed(connection) => self.deed(connection),
            Event::Desert(connection) => self.close(connection, false),
            Event::Ask => {
                let closing = self.algorithm.poll(self.now);
                self.decide(closing);
                self.queue.plan(self.now + SECOND, Event::Ask);
            }
            Event::Look => {
                self.look();
                self.queue.plan(self.now + LOOK, Event::Look);
            }
        }
    }

    fn counts(&self) -> bool {
        self.now >= self.span.from
    }

    // Honest peers.

    fn plan_arrival(&mut self, kind: Kind) {
        let between = kind.mean_stay().div_f64(self.scenario.demand.of(kind));
        let wait = self.arrivals.wait(between);
        self.queue.plan(self.now + wait, Event::Arrive(kind));
    }

    /// A peer comes that is not there, and dials.
    fn arrive(&mut self, kind: Kind, stay: Duration) {
        let (first, of) = match kind {
            Kind::Passer => (OTHERS * Kind::ALL.len() as u64, PASSERS),
            _ => (OTHERS * kind as u64, OTHERS),
        };
        let peer = loop {
            let peer = first + self.arrivals.below(of);
            if self.busy.insert(peer) {
                break peer;
            }
        };
        self.numbers += 1;
        let number = self.numbers;
        let session = Session::new(kind, peer, self.now, stay, &mut self.arrivals);
        self.queue.plan(session.end, Event::Leave(number));
        if let Some(next) = session.next {
            self.queue.plan(next, Event::Exchange(number));
        }
        self.sessions.insert(number, session);
        self.dial(number);
    }

    fn dial(&mut self, number: u64) {
        let id = self.next_id();
        let Some(session) = self.sessions.get(&number).filter(|one| one.connection.is_none())
        else {
            return;
        };
        let (address, round_trip) = self.places.honest(session.peer);
        let connection = Connection {
            id,
            peer: peer(session.peer),
            direction: session.direction,
            address,
            round_trip,
        };
        let opened = self.open(connection, Owner::Session(number));
        let (now, counts) = (self.now, self.counts());
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if !opened {
            if session.next.is_some() && session.kind.returns() == Return::Soon {
                let wait = session.draw_return(now);
                self.queue.plan(now + wait, Event::Dial(number));
            }
            return;
        }
        if session.opened && counts {
            self.outcome.kinds[session.kind as usize].reopened += 1;
        }
        (session.connection, session.since, session.opened) = (Some(id), now, true);
        let (kind, protected) = (session.kind, session.protected);
        if kind.linger().is_none() {
            self.stream(id, kind.protocol());
        }
        if let Some((tag, value)) = kind.tag() {
            self.tell(id, News::Tagged(tag, value));
        }
        if protected {
            let tag = if kind == Kind::Mesh { Tag::Mesh } else { Tag::Bucket };
            self.tell(id, News::Protected(tag));
        }
    }

    fn exchange(&mut self, number: u64) {
        let (now, counts, from) = (self.now, self.counts(), self.span.from);
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let (kind, connection) = (session.kind, session.connection);
        if counts {
            let after = now - session.last.max(from);
            let served = &mut self.outcome.kinds[kind as usize];
            served.exchange(after, kind.bytes(), connection.is_some());
            served.sessions += u64::from(!session.counted);
            session.counted = true;
        }
        session.last = now;
        session.done += 1;
        session.go_on(now);
        if let Some(next) = session.next {
            self.queue.plan(next, Event::Exchange(number));
        }
        match connection {
            Some(connection) => self.exchanged(number, connection),
            None if kind.returns() == Return::WhenNeeded => self.dial(number),
            None => {}
        }
    }

    /// What the algorithm hears of an exchange.
    fn exchanged(&mut self, number: u64, connection: ConnectionId) {
        let Some(session) = self.sessions.get_mut(&number) else { return };
        let kind = session.kind;
        let (delivered, blocks) = match kind {
            Kind::Mesh => (session.luck.happens(FIRST_OF_MESH), None),
            Kind::Topic => (session.luck.happens(FIRST_OF_TOPIC), None),
            Kind::Bulk => (false, Some(transfer_tag(session.done, session.gives))),
            _ => (false, None),
        };
        self.stream(connection, kind.protocol());
        // A passer-by asks, and answers nothing.
        if kind != Kind::Passer {
            self.tell(connection, News::Used(kind.protocol()));
        }
        if delivered {
            self.tell(connection, News::Delivered);
        }
        if let Some(value) = blocks {
            self.tell(connection, News::Tagged(Tag::Blocks, value));
        }
        if let Some(stays) = kind.linger() {
            self.keep_stream(connection, kind.protocol(), stays);
        }
    }

    fn leave(&mut self, number: u64) {
        let Some(mut session) = self.sessions.remove(&number) else { return };
        self.busy.remove(&session.peer);
        if let Some(connection) = session.connection.take() {
            self.close(connection, false);
        }
    }

    /// A session whose connection was closed: it dials again if it has anything left to exchange.
    fn lose(&mut self, number: u64) {
        let (now, counts) = (self.now, self.counts());
        let Some(session) = self.sessions.get_mut(&number) else { return };
        if session.next.is_some() {
            if counts {
                self.outcome.kinds[session.kind as usize].cut += 1;
            }
            if session.kind.returns() == Return::Soon {
                let wait = session.draw_return(now);
                self.queue.plan(now + wait, Event::Dial(number));
            }
        }
        session.connection = None;
    }

    // Attackers.

    fn attack(&mut self) {
        let Some(attack) = self.scenario.attack else { return };
        match attack.arrivals {
            Arrivals::Each(every) => {
                self.join();
                self.queue.plan(self.now + every, Event::Attack);
            }
            Arrivals::Waves { every, .. } => {
                for _ in 0..attack.most {
                    let after = SECOND.mul_f64(self.malice.part());
                    self.queue.plan(self.now + after, Event::Join);
                }
                self.queue.plan(self.now + every, Event::Attack);
            }
        }
    }

    fn join(&mut self) {
        let Some(attack) = self.scenario.attack.filter(|attack| self.attackers < attack.most)
        else {
            return;
        };
        let (address, round_trip) = places::attacker(attack.networks, &mut self.malice);
        let id = self.next_id();
        let connection = Connection {
            id,
            peer: peer(1 << 40 | id.0),
            direction: Direction::Inbound,
            address,
            round_trip,
        };
        if !self.open(connection, Owner::Attacker { since: self.now, deeds: 0 }) {
            return;
        }
        self.attackers += 1;
        self.settle(id, &attack);
    }

    fn settle(&mut self, id: ConnectionId, attack: &Attack) {
        if let Arrivals::Waves { stay, .. } = attack.arrivals {
            self.queue.plan(self.now + stay, Event::Desert(id));
        }
        if let Some(protocol) = attack.conduct.protocol() {
            self.stream(id, protocol);
        }
        match attack.conduct {
            Conduct::Keep => self.tell(id, News::Kept(Protocol::Keeper)),
            Conduct::Serve(_) => self.tell(id, News::Tagged(Tag::Bucket, 5)),
            _ => {}
        }
        if attack.conduct.deeds().is_some() {
            self.queue.plan(self.now + SECOND, Event::Deed(id));
        }
    }

    fn deed(&mut self, id: ConnectionId) {
        let Some(conduct) = self.scenario.attack.map(|attack| attack.conduct) else { return };
        let Some((every, until)) = conduct.deeds() else { return };
        let Some(Live { owner: Owner::Attacker { since, deeds }, .. }) = self.live.get_mut(&id)
        else {
            return;
        };
        *deeds += 1;
        let (deeds, age) = (*deeds, self.now - *since);
        match conduct {
            Conduct::EarnThenRest(_) | Conduct::Earn(_) if age > until => {
                return self.tell(id, News::Tagged(Tag::Blocks, 0));
            }
            Conduct::EarnThenRest(_) | Conduct::Earn(_) => {
                self.tell(id, News::Used(Protocol::Gossip));
                self.tell(id, News::Delivered);
                self.tell(id, News::Tagged(Tag::Blocks, (3 * i64::from(deeds)).min(15)));
            }
            // Who asks is of no use to the table, who answers is.
            Conduct::Query(_) => {
                self.stream(id, Protocol::Kad);
                self.keep_stream(id, Protocol::Kad, SECOND * 60);
            }
            Conduct::Serve(_) => {
                self.stream(id, Protocol::Kad);
                self.tell(id, News::Used(Protocol::Kad));
                self.keep_stream(id, Protocol::Kad, SECOND * 60);
            }
            Conduct::Request(_) => {
                self.stream(id, Protocol::Requests);
                self.tell(id, News::Used(Protocol::Requests));
                self.keep_stream(id, Protocol::Requests, SECOND * 2);
            }
            Conduct::Idle | Conduct::Keep => {}
        }
        self.queue.plan(self.now + every, Event::Deed(id));
    }

    // Connections.

    fn next_id(&mut self) -> ConnectionId {
        self.numbers += 1;
        ConnectionId(self.numbers)
    }

    /// Opens a connection, if the node has room, or makes some.
    fn open(&mut self, connection: Connection, owner: Owner) -> bool {
        if self.live.len() >= self.marks.hard as usize {
            let closing = self.algorithm.make_room(self.now, &connection);
            self.decide(closing);
            if self.live.len() >= self.marks.hard as usize {
                self.outcome.refused += 1;
                return false;
            }
        }
        self.outcome.opened += 1;
        let id = connection.id;
        let streams = [false; Protocol::ALL.len()];
        self.live.insert(id, Live { connection, owner, streams, linger: None });
        self.outcome.peak = self.outcome.peak.max(self.live.len() as u64);
        self.tell(id, News::Opened);
        true
    }

    fn decide(&mut self, closing: Vec<ConnectionId>) {
        for id in closing {
            assert!(self.live.contains_key(&id), "{id:?} is to be closed and is not open");
            self.close(id, true);
        }
    }

    fn close(&mut self, id: ConnectionId, decided: bool) {
        let Some(Live { connection, owner, .. }) = self.live.remove(&id) else { return };
        let count = if decided { &mut self.outcome.decided } else { &mut self.outcome.left };
        *count += 1;
        self.algorithm.tell(self.now, &connection, News::Closed);
        match owner {
            Owner::Session(number) => self.lose(number),
            Owner::Attacker { .. } => self.attackers -= 1,
        }
    }

    fn tell(&mut self, id: ConnectionId, news: News) {
        if let Some(live) = self.live.get(&id) {
            self.algorithm.tell(self.now, &live.connection, news);
        }
    }

    /// Opens a stream, unless it is open.
    fn stream(&mut self, id: ConnectionId, protocol: Protocol) {
        let Some(live) = self.live.get_mut(&id) else { return };
        if !std::mem::replace(&mut live.streams[protocol as usize], true) {
            self.tell(id, News::StreamOpened(protocol));
        }
    }

    /// Keeps the stream for so long from now.
    fn keep_stream(&mut self, id: ConnectionId, protocol: Protocol, stays: Duration) {
        let until = self.now + stays;
        let Some(live) = self.live.get_mut(&id) else { return };
        if live.linger.replace((protocol, until)).is_none() {
            self.queue.plan(until, Event::Linger(id));
        }
    }

    fn linger(&mut self, id: ConnectionId) {
        let now = self.now;
        let Some(live) = self.live.get_mut(&id) else { return };
        let Some((protocol, until)) = live.linger else { return };
        if until > now {
            return self.queue.plan(until, Event::Linger(id));
        }
        live.linger = None;
        live.streams[protocol as usize] = false;
        self.tell(id, News::StreamClosed(protocol));
    }

    fn look(&mut self) {
        let mut networks: BTreeMap<u16, u64> = BTreeMap::new();
        let (mut attackers, mut outbound) = (0, 0);
        for Live { connection, owner, .. } in self.live.values() {
            *networks.entry(places::network(connection.address)).or_default() += 1;
            let honest = matches!(owner, Owner::Session(_));
            attackers += u64::from(!honest);
            outbound += u64::from(honest && connection.direction == Direction::Outbound);
        }
        let wanted = self.sessions.values().filter(|one| one.direction == Direction::Outbound);
        let live = self.live.len() as f64;
        let same: u64 = networks.values().map(|count| count * count).sum();
        let standing = &mut self.outcome.standing;
        standing.looks += 1.0;
        standing.live += live;
        standing.attackers += attackers as f64;
        standing.outbound += outbound as f64;
        standing.outbound_wanted += wanted.count() as f64;
        standing.networks += if same == 0 { 0.0 } else { live * live / same as f64 };
    }
}

fn peer(number: u64) -> Peer {
    Peer::new(&number.to_be_bytes()).expect("it has eight bytes")
}
