use super::*;

/// What a budget holds of each resource that it holds any of.
fn held(budget: &Budget) -> Vec<(String, u64)> {
    let resources = budget.snapshot().resources.into_iter();
    let some = resources.filter(|resource| resource.reserved + resource.consumed > 0);
    some.map(|held| (held.resource.to_string(), held.reserved + held.consumed)).collect()
}

/// What the budgets above a stream hold when it has reserved so much.
fn memory(bytes: u64) -> Vec<(String, u64)> {
    ["memory", "protocol/memory", "service/memory"].map(|name| (name.into(), bytes)).into()
}

/// A stream, and its peer and the system.
fn stream(room: Room) -> (Budgets<WITH_SERVICE>, [Budget; 2]) {
    let node = Node::new(room);
    let peer = node.peer(AMPLE);
    let stream = Budgets { stream: node.leaf(&peer), memory: node.memory() };
    (stream, [peer, node.system.clone()])
}

#[test]
fn what_fits_is_admitted_in_seven_scopes_and_all_of_it_comes_back() {
    let (stream, above) = stream(Room::Ample);
    let reserved = reserve(&stream.stream, &stream.memory, 4096).expect("there is room");
    for budget in &above {
        assert_eq!(held(budget), memory(4096));
    }
    drop(reserved);
    for budget in &above {
        assert_eq!(held(budget), []);
    }
}

#[test]
fn what_one_scope_has_no_room_for_is_refused_and_takes_nothing() {
    for room in [Room::NoneInSystem, Room::NoneInStream] {
        let (stream, above) = stream(room);
        let error = reserve(&stream.stream, &stream.memory, BYTES).expect_err("there is no room");
        assert!(matches!(error, BudgetError::Exhausted { remaining: 4095, .. }), "{error}");
        for budget in &above {
            assert_eq!(held(budget), []);
        }
        assert!(stream.reserve_release(BYTES - 1), "{room:?}");
    }
}

#[test]
fn a_stream_is_counted_where_it_is_attached_and_nowhere_once_closed() {
    let node = Node::new(Room::Ample);
    let peer = node.peer(AMPLE);
    let names = |budget| held(budget).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let mut stream = OpenStream::open(&node, &peer).expect("there is room");
    assert_eq!(names(&peer), ["streams", "streams/inbound"]);
    assert!(names(&node.system).contains(&"transient/streams".to_owned()));
    stream.set_protocol(&node).expect("there is room");
    stream.set_service(&node).expect("there is room");
    assert_eq!(held(&peer), held(&node.system));
    assert!(names(&peer).contains(&"service/streams".to_owned()));
    assert!(held(&peer).iter().all(|(_, number)| *number == 1));
    drop(stream);
    assert_eq!((held(&peer), held(&node.system)), (vec![], vec![]));
}

#[test]
fn a_stream_that_its_peer_has_no_room_for_is_refused_and_takes_nothing() {
    let node = Node::new(Room::Ample);
    let peer = node.peer(1);
    let first = OpenStream::complete(&node, &peer).expect("there is room for one");
    let before = held(&node.system);
    assert!(OpenStream::open(&node, &peer).is_err());
    assert_eq!(held(&node.system), before);
    drop(first);
    assert!(OpenStream::complete(&node, &peer).is_ok());
}

#[test]
fn a_connection_that_is_closed_is_counted_nowhere() {
    let node = Node::new(Room::Ample);
    let peer = node.peer(AMPLE);
    let connection = Connection::complete(&node, &peer).expect("there is room");
    assert_eq!(held(&peer).len(), 3);
    assert_eq!(held(&peer), held(&node.system));
    drop(connection);
    assert_eq!((held(&peer), held(&node.system)), (vec![], vec![]));
}
