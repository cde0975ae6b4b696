//! Room for one that was refused.

use super::*;
use crate::trigger::Cause;

fn wanted(node: &Node, id: u64) -> Room {
    wanted_of(node, id, Short::Connections)
}

fn wanted_of(node: &Node, id: u64, short: Short) -> Room {
    let network = std::net::Ipv4Addr::from_bits((id as u32) << 16);
    let peer = peer(id);
    let (peer, network) = (Some(&peer), Some(network.into()));
    let wanted = Wanted { peer, network, direction: Direction::Inbound, short };
    node.regulator.make_room(node.now, wanted)
}

/// Full of idle connections that nothing speaks for.
fn full() -> Node {
    let mut node = Node::new(20, 20);
    (1..=20).for_each(|id| node.open(id));
    node.later(700);
    assert_eq!(node.gone(), NOBODY);
    node
}

#[test]
fn a_valuable_newcomer_takes_the_place_of_an_idle_connection() {
    let node = full();
    node.tag(99, 300);
    let Room::Closing(eviction) = wanted(&node, 99) else { panic!("there are idle ones") };
    assert_eq!(node.gone(), [eviction.connection.0]);
    node.open(99);
    let went = node.regulator.explain(node.now, &eviction.peer);
    let last = went.last.unwrap();
    assert_eq!(last.connection, eviction.connection);
    assert!(last.causes.contains(Cause::Denied));
    let stays = node.regulator.explain(node.now, &peer(99));
    assert_eq!((stays.tags, stays.connections.len()), (300, 1));
}

#[test]
fn a_newcomer_that_nothing_speaks_for_moves_nobody() {
    let node = full();
    assert_eq!(wanted(&node, 99), Room::None(NoRoom::NobodyWorthLess));
    assert_eq!(node.gone(), NOBODY);
}

#[test]
fn a_protected_newcomer_gets_in_unless_all_are_protected() {
    let node = full();
    node.regulator.manager().protect(&peer(99), "mine").unwrap();
    assert!(matches!(wanted(&node, 99), Room::Closing(_)));
    let node = full();
    (1..=20).for_each(|id| node.regulator.manager().protect(&peer(id), "mine").unwrap());
    node.tag(99, 1000);
    assert_eq!(wanted(&node, 99), Room::None(NoRoom::NobodyWorthLess));
}

#[test]
fn no_flood_of_newcomers_makes_it_work_more_often() {
    let mut node = full();
    for millis in 0..1000 {
        for flood in 0..20 {
            let _ = wanted(&node, 1000 + millis * 20 + flood);
        }
        node.now += Duration::from_millis(1);
    }
    let rounds = node.regulator.last_round().unwrap().round;
    assert!((1..=4).contains(&rounds), "{rounds} rounds for 20,000 newcomers in a second");
    // One with a tag has a turn between theirs.
    node.tag(99, 300);
    assert!(matches!(wanted(&node, 99), Room::Closing(_)));
    node.gone();
    let again = Room::None(NoRoom::TooOften(node.now + Duration::from_millis(100)));
    node.tag(98, 300);
    assert_eq!(wanted(&node, 98), again);
}

/// With one idle connection of each direction, with a descriptor and without.
fn of_all_kinds() -> Node {
    let mut node = Node::new(30, 29);
    let kinds = [
        (1, Direction::Inbound, true),
        (2, Direction::Inbound, false),
        (3, Direction::Outbound, true),
        (4, Direction::Outbound, false),
    ];
    for (id, direction, descriptor) in kinds {
        let network = Some(std::net::Ipv4Addr::from_bits((id as u32) << 16).into());
        let (peer, id, address) = (&peer(id), ConnectionId(id), Arc::from(""));
        let opened = Opened { peer, id, direction, address, network, descriptor };
        node.regulator.connection_opened(node.now, opened).unwrap();
        node.later(1);
    }
    node.later(700);
    node.gone();
    node
}

#[test]
fn only_a_connection_that_holds_what_is_short_goes() {
    let cases = [
        (Short::Direction(Direction::Inbound), vec![1, 2]),
        (Short::Direction(Direction::Outbound), vec![3, 4]),
        (Short::Descriptors, vec![1, 3]),
        (Short::Connections, vec![1, 2, 3, 4]),
    ];
    for (short, expected) in cases {
        let mut node = of_all_kinds();
        let mut gone = Vec::new();
        for id in 90..98 {
            node.tag(id, 500);
            node.later(2);
            let room = wanted_of(&node, id, short);
            gone.extend(node.gone());
            assert_eq!(matches!(room, Room::Closing(_)), gone.len() > (id - 90) as usize);
        }
        gone.sort_unstable();
        assert_eq!(gone, expected, "{short:?}");
        let spared = |sample: &crate::observe::Sample| {
            sample.labels.iter().any(|(_, why)| **why == *"no_help") && sample.value > 0
        };
        let is_told = node.regulator.metrics(node.now).iter().any(spared);
        assert_eq!(is_told, short != Short::Connections);
    }
}

#[test]
fn who_was_refused_for_one_thing_is_not_refused_for_another() {
    let mut node = of_all_kinds();
    (1..=2).for_each(|id| assert!(node.close(id)));
    node.tag(99, 500);
    let inbound = Short::Direction(Direction::Inbound);
    assert_eq!(wanted_of(&node, 99, inbound), Room::None(NoRoom::NobodyWorthLess));
    node.now += Duration::from_millis(200);
    assert_eq!(wanted_of(&node, 99, inbound), Room::None(NoRoom::NobodyWorthLess));
    assert!(matches!(wanted_of(&node, 99, Short::Descriptors), Room::Closing(_)));
}
