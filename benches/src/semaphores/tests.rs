use super::*;

#[test]
fn what_fits_is_admitted_and_all_of_it_comes_back() {
    let streams = Semaphores::<SCOPES>::streams(Room::Ample, 2, Peers::Shared);
    let stream = &streams.expect("it knows of limits")[1];
    let free = || stream.scopes.each_ref().map(|scope| scope.available_permits());
    let before = free();
    let taken = stream.reserve(BYTES + 1).expect("there is room");
    assert_eq!(free(), before.map(|permits| permits - 5), "a KiB that is begun counts");
    drop(taken);
    assert_eq!(free(), before);
}

#[test]
fn what_one_scope_has_no_room_for_is_refused_and_takes_nothing() {
    for room in [Room::NoneInSystem, Room::NoneInStream] {
        let streams = Semaphores::<SCOPES>::streams(room, 1, Peers::Shared);
        let stream = &streams.expect("it knows of limits")[0];
        let free = || stream.scopes.each_ref().map(|scope| scope.available_permits());
        let before = free();
        assert!(!stream.reserve_release(BYTES), "{room:?}");
        assert_eq!(free(), before);
        assert!(stream.reserve_release(3 * PERMIT), "a limit below 4 KiB has 3 of them");
    }
}

#[test]
fn more_than_can_be_asked_for_at_once_is_refused() {
    assert_eq!(permits(PERMIT << 32), None);
    assert_eq!(permits(u64::MAX), None);
    assert_eq!(permits((PERMIT << 32) - PERMIT), Some(u32::MAX));
}

/// What is free of a scope, of streams and of connections.
fn free(scope: &Scope) -> Vec<usize> {
    let counts = scope.stream().into_iter().chain(scope.connection());
    counts.map(Semaphore::available_permits).collect()
}

fn free_of(node: &Node, peer: &Peer) -> Vec<Vec<usize>> {
    let Node { protocol, service, transient, system } = node;
    let scopes = [protocol, service, transient, system].map(|scope| &**scope);
    let of_peer = [&peer.scope, &peer.protocol, &peer.service];
    scopes.into_iter().chain(of_peer).map(free).collect()
}

#[test]
fn a_stream_is_counted_where_it_is_attached_and_nowhere_once_closed() {
    let (node, peer) = (Arc::new(Node::new()), Peer::new(AMPLE));
    let before = free_of(&node, &peer);
    let mut stream = OpenStream::open(&node, &peer).expect("there is room");
    assert_ne!(free(&node.transient), before[2]);
    assert!(stream.set_protocol() && stream.set_service(), "there is room");
    assert_eq!(free(&node.transient), before[2]);
    let during = free_of(&node, &peer);
    for scope in [0, 1, 3, 4, 5, 6] {
        let one_less = before[scope][..2].iter().map(|free| free - 1);
        assert!(one_less.eq(during[scope][..2].iter().copied()), "scope {scope}");
    }
    drop(stream);
    assert_eq!(free_of(&node, &peer), before);
}

#[test]
fn a_stream_that_its_peer_has_no_room_for_is_refused_and_takes_nothing() {
    let (node, peer) = (Arc::new(Node::new()), Peer::new(1));
    let first = OpenStream::complete(&node, &peer).expect("there is room for one");
    let before = free_of(&node, &peer);
    assert!(OpenStream::open(&node, &peer).is_none());
    assert_eq!(free_of(&node, &peer), before);
    drop(first);
    assert!(OpenStream::complete(&node, &peer).is_some());
}

#[test]
fn a_connection_that_is_closed_is_counted_nowhere() {
    let (node, peer) = (Arc::new(Node::new()), Peer::new(AMPLE));
    let before = free_of(&node, &peer);
    let connection = Connection::complete(&node, &peer).expect("there is room");
    assert_eq!(free(&node.transient), before[2]);
    assert_ne!(free(&peer.scope), before[4]);
    drop(connection);
    drop(Connection::open(&node).expect("there is room"));
    assert_eq!(free_of(&node, &peer), before);
}
