//! Any sequence of calls gives what a manager over one plain map gives: that there are shards, and
//! how memory and room are shared among them, shows nowhere.

mod model;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use model::Model;
use proptest::{prelude::*, sample::select};
use rcmgr_connmgr::{
    Bounds, ConnectionId, Direction, GraceFrom, Manager, Peer, Settings, Watermarks,
    decay::{Bump, Decay, DecayingTag, RegisterError},
    trim::{Kind, Order},
};

const PEERS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
const TAGS: [&str; 4] = ["kbucket", "useful", "x", "a longer name of a tag, as protocols have"];
const DECAYING: [&str; 2] = ["kbucket", "fades"];

#[derive(Clone, Debug)]
enum Op {
    Open { peer: &'static str, id: u64, inbound: bool, streams: u32 },
    Close { peer: &'static str, id: u64 },
    SetStreams { peer: &'static str, id: u64, streams: u32 },
    Tag { peer: &'static str, tag: &'static str, value: i64 },
    Upsert { peer: &'static str, tag: &'static str, by: i64 },
    Untag { peer: &'static str, tag: &'static str },
    Protect { peer: &'static str, tag: &'static str },
    Unprotect { peer: &'static str, tag: &'static str },
    Register { name: &'static str, seconds: u64, step: i64 },
    Bump { peer: &'static str, name: &'static str, by: i64 },
    Remove { peer: &'static str, name: &'static str },
    CloseDecaying { name: &'static str },
    Pass { millis: u64 },
    GoBack { millis: u64 },
    Poll,
    Trim,
    Force,
}

fn ops() -> impl Strategy<Value = Op> {
    let (peer, tag, name) = (select(&PEERS), select(&TAGS), select(&DECAYING));
    let (id, value, streams) = (0..3u64, prop_oneof![-9..9i64, any::<i64>()], 0..3u32);
    prop_oneof![
        8 => (peer.clone(), id.clone(), any::<bool>(), streams.clone())
            .prop_map(|(peer, id, inbound, streams)| Op::Open { peer, id, inbound, streams }),
        3 => (peer.clone(), id.clone()).prop_map(|(peer, id)| Op::Close { peer, id }),
        1 => (peer.clone(), id, streams)
            .prop_map(|(peer, id, streams)| Op::SetStreams { peer, id, streams }),
        5 => (peer.clone(), tag.clone(), value.clone())
            .prop_map(|(peer, tag, value)| Op::Tag { peer, tag, value }),
        2 => (peer.clone(), tag.clone(), value.clone())
            .prop_map(|(peer, tag, by)| Op::Upsert { peer, tag, by }),
        2 => (peer.clone(), tag.clone()).prop_map(|(peer, tag)| Op::Untag { peer, tag }),
        2 => (peer.clone(), tag.clone()).prop_map(|(peer, tag)| Op::Protect { peer, tag }),
        1 => (peer.clone(), tag).prop_map(|(peer, tag)| Op::Unprotect { peer, tag }),
        1 => (name.clone(), 1..8u64, 1..4i64)
            .prop_map(|(name, seconds, step)| Op::Register { name, seconds, step }),
        3 => (peer.clone(), name.clone(), -9..9i64)
            .prop_map(|(peer, name, by)| Op::Bump { peer, name, by }),
        1 => (peer, name.clone()).prop_map(|(peer, name)| Op::Remove { peer, name }),
        1 => name.prop_map(|name| Op::CloseDecaying { name }),
        3 => (0..7000u64).prop_map(|millis| Op::Pass { millis }),
        1 => (0..3000u64).prop_map(|millis| Op::GoBack { millis }),
        3 => Just(Op::Poll),
        2 => Just(Op::Trim),
        1 => Just(Op::Force),
    ]
}

fn peer(name: &str) -> Peer {
    Peer::new(name.as_bytes()).expect("it is not empty")
}

fn settings(grace_from: GraceFrom) -> Settings {
    let seconds = Duration::from_secs;
    Settings {
        marks: Watermarks::new(3, 6).expect("they do not cross"),
        grace: seconds(5),
        grace_from,
        silence: seconds(10),
        resolution: seconds(2),
        temporary: seconds(20),
        seed: Some(7),
        bounds: Bounds {
            connections: 14,
            connections_per_peer: 2,
            temporary_peers: 4,
            tags_per_peer: 3,
            protections: 4,
            ..Bounds::default()
        },
    }
}

/// The keyed hash of each peer, by which the order of equal ones is decided.
fn ties(settings: &Settings) -> BTreeMap<Peer, u64> {
    let bounds = Bounds::default();
    let manager = Manager::new(Settings { bounds, ..settings.clone() });
    let manager = manager.expect("the settings make sense");
    for name in PEERS {
        manager.tag(Duration::ZERO, &peer(name), "x", 1).expect("there is room");
    }
    let ranked = manager.ranked(Duration::from_secs(3600), Order::Regular);
    ranked.into_iter().map(|one| (one.peer, one.row.tie)).collect()
}

struct Both {
    manager: Manager,
    model: Model,
    registered: BTreeMap<&'static str, DecayingTag>,
    now: Duration,
}

impl Both {
    fn apply(&mut self, op: &Op) {
        let Both { manager, model, registered, now } = self;
        let now = *now;
        match *op {
            Op::Open { peer: name, id, inbound, streams } => {
                let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
                let (peer, id, address) = (peer(name), ConnectionId(id), Arc::from("/memory/1"));
                assert_eq!(
                    manager.connection_opened(
                        now,
                        &peer,
                        id,
                        direction,
                        Arc::clone(&address),
                        streams
                    ),
                    model.open(now, &peer, id, direction, address, streams)
                );
            }
            Op::Close { peer: name, id } => {
                let (peer, id) = (peer(name), ConnectionId(id));
                assert_eq!(manager.connection_closed(&peer, id), model.close(&peer, id));
            }
            Op::SetStreams { peer: name, id, streams } => {
                let (peer, id) = (peer(name), ConnectionId(id));
                let known = model.set_streams(&peer, id, streams);
                assert_eq!(manager.set_streams(&peer, id, streams), known);
            }
            Op::Tag { peer: name, tag, value } => {
                let peer = peer(name);
                let set = model.upsert(now, &peer, tag, |_| value);
                assert_eq!(manager.tag(now, &peer, tag, value), set);
            }
            Op::Upsert { peer: name, tag, by } => {
                let (peer, change) = (peer(name), |old: i64| old.wrapping_add(by));
                let set = model.upsert(now, &peer, tag, change);
                assert_eq!(manager.upsert_tag(now, &peer, tag, change), set);
            }
            Op::Untag { peer: name, tag } => {
                manager.untag(&peer(name), tag);
                model.untag(&peer(name), tag);
            }
            Op::Protect { peer: name, tag } => {
                let peer = peer(name);
                assert_eq!(manager.protect(&peer, tag), model.protect(&peer, tag));
            }
            Op::Unprotect { peer: name, tag } => {
                let peer = peer(name);
                assert_eq!(manager.unprotect(&peer, tag), model.unprotect(&peer, tag));
            }
            Op::Register { name, seconds, step } => {
                let interval = Duration::from_secs(seconds);
                let did = manager.register_decaying(
                    name,
                    interval,
                    Decay::Fixed(step),
                    Bump::Custom(Box::new(|value, by| value.value.saturating_add(by))),
                );
                match (did, model.register(name, interval, step)) {
                    (Ok(tag), true) => drop(registered.insert(name, tag)),
                    (did, free) => {
                        assert!(!free);
                        assert_eq!(did, Err(RegisterError::Exists(name.into())));
                    }
                }
            }
            Op::Bump { peer: name, name: tag, by } => {
                let Some(handle) = registered.get(tag) else { return };
                let peer = peer(name);
                let did = model.bump(now, &peer, tag, by);
                assert_eq!(manager.bump(now, &peer, *handle, by), did);
            }
            Op::Remove { peer: name, name: tag } => {
                let Some(handle) = registered.get(tag) else { return };
                let peer = peer(name);
                let did = model.remove_decaying(&peer, tag);
                assert_eq!(manager.remove_decaying(&peer, *handle), did);
            }
            Op::CloseDecaying { name } => {
                let Some(handle) = registered.get(name) else { return };
                manager.close_decaying(*handle);
                model.close_decaying(name);
            }
            Op::Pass { millis } => self.now += Duration::from_millis(millis),
            Op::GoBack { millis } => {
                self.now = now.saturating_sub(Duration::from_millis(millis));
            }
            Op::Poll => assert_eq!(manager.poll(now), model.poll(now)),
            Op::Trim => assert_eq!(manager.trim(now), model.trim(now, Kind::Open)),
            Op::Force => assert_eq!(manager.force_trim(now), model.trim(now, Kind::Forced)),
        }
    }

    fn agree(&mut self) {
        let Both { manager, model, .. } = self;
        assert_eq!(manager.info(), model.info());
        assert_eq!(manager.next_due(), Some(model.next_due()));
        for name in PEERS {
            let peer = peer(name);
            assert_eq!(manager.tag_info(&peer), model.tag_info(&peer));
            assert_eq!(manager.is_protected(&peer, None), model.is_protected(&peer));
        }
        for order in [Order::Regular, Order::Forced] {
            let ranked = manager.ranked(Duration::ZERO, order);
            let ranked: Vec<Peer> = ranked.into_iter().map(|one| one.peer).collect();
            assert_eq!(ranked, model.ranked(order));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn shards_show_nowhere(
        ops in prop::collection::vec(ops(), 1..200),
        youngest in any::<bool>(),
    ) {
        let grace_from =
            if youngest { GraceFrom::YoungestConnection } else { GraceFrom::FirstConnection };
        let settings = settings(grace_from);
        let mut both = Both {
            manager: Manager::new(settings.clone()).unwrap(),
            model: Model::new(settings.clone(), ties(&settings)),
            registered: BTreeMap::new(),
            now: Duration::ZERO,
        };
        for op in &ops {
            both.apply(op);
            both.agree();
        }
    }
}
