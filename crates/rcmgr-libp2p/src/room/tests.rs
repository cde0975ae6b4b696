//! A line before a full node, without any transport.

use std::{sync::Arc, task::Waker};

use rcmgr_connmgr::{ConnectionId, Opened, Regulator, RegulatorSettings};
use rcmgr_core::{Limit, Limits};

use super::*;

/// Those who wait for room that a regulator makes, who has 100 others to close.
fn rooms() -> Arc<Rooms> {
    let mut settings = RegulatorSettings::default();
    settings.manager.grace = Duration::ZERO;
    settings.policy.idle_after = Duration::ZERO;
    // Or it would be too soon for the next one.
    settings.rules.room = Duration::ZERO;
    let mut limits = Limits::default();
    limits.system.connections = Limit::new(1000);
    let manager = ConnectionManager::new(Regulator::new(settings, &limits).unwrap());
    for id in 0..100u8 {
        let peer = Peer::new(&[1, id]).unwrap();
        let network = Some([id, 1, 1, 1].into());
        let (id, direction) = (ConnectionId(id.into()), Direction::Inbound);
        let opened =
            Opened { peer: &peer, id, direction, address: "".into(), network, descriptor: true };
        manager.regulator().connection_opened(manager.now(), opened).unwrap();
    }
    Arc::new(Rooms::new(manager))
}

fn friend(rooms: &Rooms, id: u8) -> Peer {
    let peer = Peer::new(&[2, id]).unwrap();
    let tags = rooms.manager.regulator().manager();
    tags.tag(rooms.manager.now(), &peer, "friend", 500).unwrap();
    peer
}

fn refused(scope: ScopeId, resource: Resource) -> Error {
    Error::Refused(Refusal::new(scope, resource, 100, 1, 100))
}

fn full() -> Error {
    refused(ScopeId::System, Resource::FileDescriptors)
}

const DIAL: ConnectionRequest = ConnectionRequest::outbound().with_file_descriptor();

#[test]
fn no_more_wait_than_there_are_places_and_a_place_is_free_again_when_it_is_dropped() {
    let rooms = rooms();
    let mut places = Vec::new();
    for id in 0..PLACES {
        let peer = friend(&rooms, id as u8);
        places.push(rooms.make(&DIAL, Some(&peer), full()).unwrap());
    }
    let late = friend(&rooms, 99);
    assert_eq!(rooms.make(&DIAL, Some(&late), full()).unwrap_err(), full());
    places.pop();
    assert!(rooms.make(&DIAL, Some(&late), full()).is_ok());
    drop(places);
    assert_eq!(rooms.refused_before(&DIAL), None);
}

#[test]
fn room_is_made_only_where_closing_another_one_helps() {
    let rooms = rooms();
    let peer = friend(&rooms, 1);
    for (scope, resource) in [
        (ScopeId::Transient, Resource::ConnectionsOutbound),
        (ScopeId::AllowlistedSystem, Resource::Connections),
        (ScopeId::System, Resource::Memory),
    ] {
        let error = refused(scope, resource);
        assert_eq!(rooms.make(&DIAL, Some(&peer), error.clone()).unwrap_err(), error);
    }
    let closed = Error::Closed { scope: ScopeId::System };
    assert_eq!(rooms.make(&DIAL, Some(&peer), closed.clone()).unwrap_err(), closed);
    assert_eq!(rooms.manager.regulator().closing(), 0);
}

#[test]
fn only_who_holds_what_the_refusal_names_goes() {
    let rooms = rooms();
    let peer = friend(&rooms, 1);
    // All who are there have come by themselves.
    let outbound = refused(ScopeId::System, Resource::ConnectionsOutbound);
    assert_eq!(rooms.make(&DIAL, Some(&peer), outbound.clone()).unwrap_err(), outbound);
    for resource in [Resource::Connections, Resource::FileDescriptors] {
        assert!(rooms.make(&DIAL, Some(&peer), refused(ScopeId::System, resource)).is_ok());
    }
    let inbound = refused(ScopeId::System, Resource::ConnectionsInbound);
    assert!(rooms.make(&ConnectionRequest::inbound(), Some(&peer), inbound).is_ok());
    assert_eq!(rooms.manager.regulator().closing(), 3);
}

#[test]
fn who_is_worth_no_more_gets_no_place() {
    let rooms = rooms();
    assert_eq!(rooms.make(&ConnectionRequest::inbound(), None, full()).unwrap_err(), full());
    assert_eq!(rooms.refused_before(&DIAL), None);
}

#[test]
fn nobody_passes_those_who_wait_for_the_same() {
    let rooms = rooms();
    let peer = friend(&rooms, 1);
    let place = rooms.make(&DIAL, Some(&peer), full()).unwrap();
    assert_eq!(rooms.refused_before(&DIAL), Some(full()));
    // QUIC needs no descriptor.
    assert_eq!(rooms.refused_before(&ConnectionRequest::outbound()), None);
    drop(place);
    assert_eq!(rooms.refused_before(&DIAL), None);
}

#[tokio::test]
async fn who_waits_has_its_turn_in_order_and_gets_what_there_is() {
    let rooms = rooms();
    let [first, second] = [1, 2].map(|id| friend(&rooms, id));
    let mut first = rooms.make(&DIAL, Some(&first), full()).unwrap();
    let mut second = rooms.make(&DIAL, Some(&second), full()).unwrap();
    let asked = std::cell::Cell::new(0);
    let of_second = std::future::poll_fn(|cx| {
        second.poll_open(cx, || {
            asked.set(asked.get() + 1);
            Ok("second")
        })
    });
    let both = async {
        let mut tries = 0;
        let opened = std::future::poll_fn(|cx| {
            first.poll_open(cx, || {
                tries += 1;
                if tries == 3 { Ok("first") } else { Err(full()) }
            })
        });
        assert_eq!(opened.await, Ok("first"));
        assert_eq!(asked.get(), 0, "the first one is before it");
        drop(first);
    };
    let (of_second, ()) = tokio::join!(of_second, both);
    assert_eq!(of_second, Ok("second"));
}

#[tokio::test]
async fn who_waits_asks_seldom_enough_for_the_rate_of_its_address() {
    let rooms = rooms();
    let peer = friend(&rooms, 1);
    let mut place = rooms.make(&DIAL, Some(&peer), full()).unwrap();
    let mut asked = 0;
    let refused = std::future::poll_fn(|cx| {
        place.poll_open(cx, || {
            asked += 1;
            Err::<(), _>(full())
        })
    });
    assert_eq!(refused.await, Err(full()));
    assert!((1..=6).contains(&asked), "{asked}");
}

#[test]
fn who_has_waited_for_too_long_is_refused() {
    let rooms = rooms();
    let peer = friend(&rooms, 1);
    let mut place = rooms.make(&DIAL, Some(&peer), full()).unwrap();
    place.until = Instant::now();
    place.retry = Delay::new(Duration::ZERO);
    let cx = &mut Context::from_waker(Waker::noop());
    let refused = loop {
        if let Poll::Ready(refused) = place.poll_open(cx, || Err::<(), _>(full())) {
            break refused;
        }
        std::thread::yield_now();
    };
    assert_eq!(refused, Err(full()));
}
