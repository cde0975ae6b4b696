//! What the wrapper does with transports and muxers at their extremes, which are scripted here.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use common::{
    config, held, is_clear, memory,
    scripted::{Flood, Scripted, Wakes, connected},
    system,
};
use libp2p::{
    Transport,
    core::muxing::{StreamMuxer, StreamMuxerEvent},
};
use rcmgr_core::{Limits, Rate, Resource, ResourceManager};
use rcmgr_libp2p::{AccountedTransport, Config};

#[test]
fn a_flood_of_connections_leaves_the_task_its_turn() {
    let manager = ResourceManager::new(system(Resource::Connections, 2));
    let flood = Flood::default();
    let mut transport = AccountedTransport::new(flood.clone(), manager.clone(), config());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut poll = || Pin::new(&mut transport).poll(&mut Context::from_waker(&waker));

    let admitted = [poll(), poll()];
    assert!(admitted.iter().all(Poll::is_ready));
    assert_eq!(flood.polls.get(), 2);
    assert!(poll().is_pending());
    assert!((3..100).contains(&flood.polls.get()));
    assert_eq!(wakes.count(), 1, "the rest must not be forgotten");

    drop(admitted);
    assert!(is_clear(&manager));
    assert!(poll().is_ready());
}

#[test]
fn a_flood_of_streams_leaves_the_task_its_turn() {
    let manager = ResourceManager::new(system(Resource::StreamsInbound, 1));
    let scripted = Scripted::default();
    let mut muxer = connected(&manager, &scripted, config());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut poll = || Pin::new(&mut muxer).poll_inbound(&mut Context::from_waker(&waker));

    let admitted = poll();
    assert!(matches!(admitted, Poll::Ready(Ok(_))));
    assert!(poll().is_pending());
    assert!((2..100).contains(&scripted.inbound.get()));
    assert_eq!(wakes.count(), 1, "the rest must not be forgotten");
    assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));

    drop(admitted);
    assert!(matches!(poll(), Poll::Ready(Ok(_))));
}

#[test]
fn streams_that_come_too_fast_stay_in_the_muxer() {
    let manager = ResourceManager::new(Limits::default());
    let scripted = Scripted::default();
    let inbound_streams = Rate::new(1e-6, 3).unwrap();
    let mut muxer = connected(&manager, &scripted, Config { inbound_streams, ..config() });
    let mut context = Context::from_waker(Waker::noop());
    let streams = [(); 5].map(|()| Pin::new(&mut muxer).poll_inbound(&mut context));
    assert_eq!(streams.iter().filter(|stream| stream.is_ready()).count(), 3);
    assert_eq!(scripted.inbound.get(), 4, "one is held back");
    drop(streams);
    assert!(Pin::new(&mut muxer).poll_inbound(&mut context).is_pending(), "they have come");
    assert_eq!(scripted.inbound.get(), 4);
}

#[test]
fn where_no_stream_may_come_the_muxer_is_asked_all_the_same() {
    let manager = ResourceManager::new(Limits::default());
    let scripted = Scripted::default();
    let inbound_streams = Rate::BLOCK_ALL;
    let mut muxer = connected(&manager, &scripted, Config { inbound_streams, ..config() });
    let mut context = Context::from_waker(Waker::noop());
    // It may tell only so that the connection has ended.
    assert!(Pin::new(&mut muxer).poll_inbound(&mut context).is_pending());
    assert!(scripted.inbound.get() > 1, "they are reset");
    assert_eq!(held(&manager), (memory(1, 0), 0, 1, 0));
}

#[test]
fn a_stream_that_waits_for_room_keeps_its_account() {
    let manager = ResourceManager::new(Limits::default());
    let scripted = Scripted::default();
    let mut muxer = connected(&manager, &scripted, config());
    let mut context = Context::from_waker(Waker::noop());

    for _ in 0..3 {
        assert!(Pin::new(&mut muxer).poll_outbound(&mut context).is_pending());
        assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));
    }
    scripted.has_room.set(true);
    let stream = Pin::new(&mut muxer).poll_outbound(&mut context);
    assert!(matches!(stream, Poll::Ready(Ok(_))));
    assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));
    drop(stream);
    assert_eq!(held(&manager), (memory(1, 0), 0, 1, 0));

    scripted.has_room.set(false);
    assert!(Pin::new(&mut muxer).poll_outbound(&mut context).is_pending());
    assert!(Pin::new(&mut muxer).poll_close(&mut context).is_ready());
    assert_eq!(held(&manager), (memory(1, 0), 0, 1, 0), "closing waits for no stream");
    drop(muxer);
    assert!(is_clear(&manager));
}

#[test]
fn events_of_the_connection_pass() {
    let manager = ResourceManager::new(Limits::default());
    let mut muxer = connected(&manager, &Scripted::default(), config());
    let event = Pin::new(&mut muxer).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(event, Poll::Ready(Ok(StreamMuxerEvent::AddressChange(_)))));
}
