//! What holds after any sequence of calls.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    Score, StreamView,
    burst::{BurstId, BurstSpec},
    lock::{LockGuard, LockRequest, LockState},
    round::{Aim, Mode},
};

const NAMES: [&str; 3] = ["dht", "gossip", "bulk"];

#[derive(Clone, Debug)]
enum Call {
    Open { id: u64, network: u8, tag: i64 },
    Close(u64),
    Stream { id: u64, stream: u64, protocol: usize },
    CloseStream { id: u64, stream: u64 },
    Use(u64),
    Enroll { name: usize, min: u32, max: u32 },
    Release(usize),
    SetScorer(usize, i64),
    Protect(u64),
    Unprotect(u64),
    Lock { id: u64, name: usize },
    Unlock,
    BeginBurst(usize, u32),
    Enlist { id: u64, stream: u64 },
    Promote(u64),
    EndBurst,
    Regulate { aim: u32, mode: Mode },
    MakeRoom(u64),
    Sense { counted: u64 },
    SetLimit(u32),
    Wait(u64),
    Poll,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let id = || 0..40_u64;
    let name = || 0..NAMES.len();
    let mode = prop_oneof![Just(Mode::Flux), Just(Mode::Batch)];
    let call = prop_oneof![
        6 => (id(), 0..6_u8, -300..900_i64).prop_map(|(id, network, tag)| Call::Open { id, network, tag }),
        2 => id().prop_map(Call::Close),
        6 => (id(), 0..4_u64, 0..4_usize)
            .prop_map(|(id, stream, protocol)| Call::Stream { id, stream, protocol }),
        2 => (id(), 0..4_u64).prop_map(|(id, stream)| Call::CloseStream { id, stream }),
        1 => id().prop_map(Call::Use),
        2 => (name(), 0..15_u32, 1..20_u32).prop_map(|(name, min, max)| Call::Enroll { name, min, max: min + max }),
        1 => name().prop_map(Call::Release),
        1 => (name(), -900..900_i64).prop_map(|(name, score)| Call::SetScorer(name, score)),
        1 => id().prop_map(Call::Protect),
        1 => id().prop_map(Call::Unprotect),
        3 => (id(), name()).prop_map(|(id, name)| Call::Lock { id, name }),
        1 => Just(Call::Unlock),
        1 => (name(), 1..9_u32).prop_map(|(name, most)| Call::BeginBurst(name, most)),
        3 => (id(), 0..4_u64).prop_map(|(id, stream)| Call::Enlist { id, stream }),
        1 => id().prop_map(Call::Promote),
        1 => Just(Call::EndBurst),
        2 => (0..30_u32, mode).prop_map(|(aim, mode)| Call::Regulate { aim, mode }),
        1 => id().prop_map(Call::MakeRoom),
        1 => (0..940_u64).prop_map(|counted| Call::Sense { counted }),
        1 => (5..60_u32).prop_map(Call::SetLimit),
        2 => (0..40_u64).prop_map(Call::Wait),
        3 => Just(Call::Poll),
    ];
    prop::collection::vec(call, 1..120)
}

/// A node, with what its users hold and what they know.
struct World {
    node: Node,
    enrolled: BTreeMap<usize, Enrollment>,
    guards: Vec<(u64, LockGuard)>,
    bursts: Vec<BurstId>,
    /// How often a connection was opened in each place: no number is given twice.
    opened: [u64; 40],
}

impl World {
    fn new() -> World {
        let settings = RegulatorSettings {
            share: ShareSettings::default(),
            locks_per_peer: 3,
            ..settings(1, 1)
        };
        let regulator = Regulator::new(settings, &limits(40)).unwrap();
        let node = Node { regulator, now: seconds(1000), streams: 0 };
        World {
            node,
            enrolled: BTreeMap::new(),
            guards: Vec::new(),
            bursts: Vec::new(),
            opened: [0; 40],
        }
    }

    /// The last connection that was opened in a place.
    fn at(&self, place: u64) -> ConnectionId {
        ConnectionId(self.opened[place as usize] * 40 + place)
    }

    fn call(&mut self, call: Call) {
        let now = self.node.now;
        if let Call::Open { id, .. } = call {
            let is_open = self.node.regulator.table.look(self.at(id), |_| ()).is_some();
            self.opened[id as usize] += u64::from(!is_open);
        }
        let regulator = &self.node.regulator;
        match call {
            Call::Open { id, network, tag } => {
                let network = std::net::Ipv4Addr::new(10, network, 0, 1);
                let opened = Opened {
                    // Some peers have several connections.
                    peer: &peer(id % 30),
                    id: self.at(id),
                    direction: if id % 2 == 0 { Direction::Inbound } else { Direction::Outbound },
                    address: "".into(),
                    network: Some(network.into()),
                    descriptor: id % 3 > 0,
                };
                if regulator.connection_opened(now, opened).is_ok() {
                    regulator.manager().tag(now, &peer(id % 30), "worth", tag).unwrap();
                }
            }
            Call::Close(id) => {
                self.node.close(self.at(id).0);
            }
            Call::Stream { id, stream, protocol } => {
                let (id, stream) = (self.at(id), StreamId(stream));
                regulator.stream_opened(now, id, stream, Direction::Inbound);
                let protocol = NAMES.get(protocol).unwrap_or(&"other");
                regulator.stream_protocol(now, id, stream, protocol);
            }
            Call::CloseStream { id, stream } => {
                regulator.stream_closed(now, self.at(id), StreamId(stream));
            }
            Call::Use(id) => regulator.used(now, self.at(id)),
            Call::Enroll { name, min, max } => {
                if !self.enrolled.contains_key(&name) {
                    let protocol = self.node.enroll(NAMES[name], min, max);
                    self.enrolled.insert(name, protocol);
                }
            }
            Call::Release(name) => {
                if let Some(protocol) = self.enrolled.remove(&name) {
                    regulator.release(now, protocol).unwrap();
                }
            }
            Call::SetScorer(name, score) => {
                if let Some(protocol) = self.enrolled.get(&name) {
                    let scorer = move |_: &StreamView| Score::new(score);
                    regulator.set_scorer(*protocol, Arc::new(scorer)).unwrap();
                }
            }
            Call::Protect(id) => regulator.manager().protect(&peer(id % 30), "mine").unwrap(),
            Call::Unprotect(id) => {
                regulator.manager().unprotect(&peer(id % 30), "mine");
            }
            Call::Lock { id, name } => {
                if let Some(protocol) = self.enrolled.get(&name) {
                    let request = LockRequest::default();
                    let id = self.at(id);
                    let guard = regulator.lock(now, id, *protocol, request);
                    self.guards.extend(guard.ok().map(|guard| (id.0, guard)));
                }
            }
            Call::Unlock => drop(self.guards.pop()),
            Call::BeginBurst(name, most) => {
                if let Some(protocol) = self.enrolled.get(&name) {
                    let burst = regulator.begin_burst(now, *protocol, BurstSpec::new(most));
                    self.bursts.extend(burst.ok().map(|burst| burst.id));
                }
            }
            Call::Enlist { id, stream } => {
                if let Some(burst) = self.bursts.last() {
                    let _ = regulator.enlist(now, *burst, self.at(id), StreamId(stream));
                }
            }
            Call::Promote(id) => {
                if let Some(burst) = self.bursts.last() {
                    regulator.promote(now, *burst, self.at(id));
                }
            }
            Call::EndBurst => {
                if let Some(burst) = self.bursts.pop() {
                    regulator.end_burst(now, burst);
                }
            }
            Call::Regulate { aim, mode } => self.round(|regulator| {
                let dry = regulator.dry_run(now, Aim::Leave(aim), mode);
                assert_eq!(regulator.regulate(now, Aim::Leave(aim), mode), dry);
            }),
            Call::MakeRoom(id) => self.round(|regulator| {
                let peer = peer(id);
                let (peer, direction) = (Some(&peer), Direction::Inbound);
                let short = Short::Direction(direction);
                let _ = regulator.make_room(now, Wanted { peer, network: None, direction, short });
            }),
            Call::Sense { counted } => regulator.sensed(now, Some(counted), &readings()),
            Call::SetLimit(limit) => regulator.limits_changed(now, &limits(limit)).unwrap(),
            Call::Wait(by) => self.node.later(by),
            Call::Poll => self.round(|_| ()),
        }
    }

    /// Has rounds made, and looks that they keep to the rules.
    fn round(&self, round: impl FnOnce(&Regulator)) {
        let node = &self.node;
        let before = node.regulator.enrolled(node.now);
        round(&node.regulator);
        let locked: Vec<u64> = self
            .guards
            .iter()
            .filter(|(_, guard)| guard.state(node.now) != LockState::Over)
            .map(|(id, _)| *id)
            .collect();
        let gone = node.gone();
        assert!(locked.iter().all(|id| !gone.contains(id)), "{gone:?} of {locked:?}");
        for protocol in node.regulator.enrolled(node.now) {
            let min = protocol.quota.min;
            let was = before.iter().find(|known| known.enrollment == protocol.enrollment);
            let least = was.map_or(0, |was| was.used.min(min));
            assert!(protocol.used >= least, "{protocol:?} was {was:?}");
        }
    }
}

fn limits(connections: u32) -> Limits {
    let mut limits = Limits::default();
    limits.system.connections = connections.into();
    limits
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    /// Counts are those of a recount, rounds go by what there is, no round closes what is locked or
    /// takes a protocol below its minimum, minima fit in the share, and in the end nothing is left.
    #[test]
    fn any_calls_keep_to_the_rules(calls in calls()) {
        let mut world = World::new();
        for call in calls {
            world.call(call);
            world.node.check_counts();
            world.node.check_look();
            let node = &world.node;
            let minima: u32 = node.regulator.enrolled(node.now).iter().map(|it| it.quota.min).sum();
            prop_assert!(minima <= node.regulator.share().soft());
            // Half of the greatest share there was: a lower one takes no lock away.
            prop_assert!(node.regulator.locked().used <= 24);
        }
        world.guards.clear();
        for place in 0..40 {
            world.node.close(world.at(place).0);
        }
        world.node.check_empty();
    }

    /// The same calls have the same results.
    #[test]
    fn any_calls_made_twice_end_the_same(calls in calls()) {
        let end = || {
            let mut world = World::new();
            calls.iter().cloned().for_each(|call| world.call(call));
            let node = &world.node;
            let decisions = node.regulator.decisions(100);
            (decisions, node.regulator.connections(node.now, 0, 100))
        };
        prop_assert_eq!(end(), end());
    }
}
