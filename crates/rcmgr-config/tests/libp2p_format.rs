//! What is written in go-libp2p's format: what go-libp2p writes, and what reads back as it was.

mod common;

use std::collections::HashMap;
use std::hash::Hash;

use common::{SCALED, expected, read};
use proptest::collection::{hash_map, vec};
use proptest::prelude::*;
use rcmgr_config::libp2p::{PartialLimits, defaults};
use rcmgr_core::{Limit, Limits, Resource, ScopeLimit};

fn text(key: &[u8]) -> Option<String> {
    String::from_utf8(key.to_vec()).ok()
}

fn written(limits: &Limits) -> serde_json::Value {
    let written = PartialLimits::of(limits, text);
    assert_eq!(written.left_out, []);
    serde_json::to_value(&written.config).expect("it is JSON")
}

#[test]
fn the_scaled_defaults_are_written_as_go_libp2p_writes_them() {
    for (memory, descriptors) in SCALED {
        let name = format!("go-libp2p-scaled-{memory}-{descriptors}.json");
        let limits = defaults().scale(memory, descriptors);
        assert_eq!(written(&limits), expected(&name, memory), "{name}");
    }
}

#[test]
fn a_configuration_over_them_is_written_as_go_libp2p_writes_it() {
    let partial: PartialLimits = read("partial-example.json");
    let limits = partial.over(&defaults().scale(1 << 30, 2048), |peer| peer.as_bytes().into());
    let name = "partial-example-over-1073741824-2048.json";
    assert_eq!(written(&limits), expected(name, 1 << 30));
}

/// Any limit that the format can express.
fn limit() -> impl Strategy<Value = Limit> {
    let number = (0..i64::MAX as u64).prop_map(Limit::new);
    let small = (0u64..5).prop_map(Limit::new);
    prop_oneof![Just(Limit::UNLIMITED), Just(Limit::BLOCK_ALL), small, number]
}

fn scope() -> impl Strategy<Value = ScopeLimit> {
    // On the heap: as an array of arrays the trees of all scopes overflow a test's stack.
    vec(limit(), 8).prop_map(|limits| {
        let each = Resource::ALL.into_iter().zip(limits);
        each.fold(ScopeLimit::UNLIMITED, |scope, (resource, limit)| scope.with(resource, limit))
    })
}

fn names<K: Hash + Eq + core::fmt::Debug>(
    key: fn(String) -> K,
) -> impl Strategy<Value = HashMap<K, ScopeLimit>> {
    hash_map(any::<String>().prop_map(key), scope(), 0..4)
}

fn any_limits() -> impl Strategy<Value = Limits> {
    let classes = vec(scope(), 11);
    let named = [(); 4].map(|()| names(|name| name.into()));
    let peers = names(|name| name.into_bytes().into());
    (classes, named, peers).prop_map(|(classes, named, peers)| {
        let classes: [ScopeLimit; 11] = classes.try_into().expect("there are eleven");
        let [system, transient, allowlisted_system, allowlisted_transient, rest @ ..] = classes;
        let [service, service_peer, protocol, protocol_peer, peer, connection, stream] = rest;
        let [services, service_peers, protocols, protocol_peers] = named;
        Limits {
            system,
            transient,
            allowlisted_system,
            allowlisted_transient,
            service,
            services,
            service_peer,
            service_peers,
            protocol,
            protocols,
            protocol_peer,
            protocol_peers,
            peer,
            peers,
            connection,
            stream,
            ..Limits::default()
        }
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back_as_it_was(limits in any_limits()) {
        let text = serde_json::to_string(&written(&limits)).expect("it is JSON");
        let read: PartialLimits = serde_json::from_str(&text).expect(&text);
        let read = read.over(&Limits::default(), |peer| peer.as_bytes().into());
        prop_assert_eq!(read, limits);
    }

    #[test]
    fn every_limit_is_written(limits in any_limits()) {
        for (field, value) in written(&limits).as_object().expect("it is an object") {
            let many = ["Service", "ServicePeer", "Protocol", "ProtocolPeer", "Peer"];
            let scopes: Vec<_> = match many.contains(&field.as_str()) {
                true => value.as_object().expect(field).values().collect(),
                false => vec![value],
            };
            for scope in scopes {
                prop_assert_eq!(scope.as_object().expect(field).len(), 8);
                prop_assert!(scope["Memory"].is_string());
            }
        }
    }
}
