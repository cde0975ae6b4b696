//! Any configuration of go-libp2p.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use rcmgr_config::libp2p::{PartialLimit, PartialLimits, Value};
use rcmgr_config::peer;
use rcmgr_core::Limit;

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Default),
        Just(Value::Set(Limit::UNLIMITED)),
        (0u64..5).prop_map(|number| Value::Set(Limit::new(number))),
        any::<u64>().prop_map(|number| Value::Set(Limit::new(number))),
    ]
}

fn scope() -> impl Strategy<Value = PartialLimit> {
    vec(value(), 12).prop_map(|values| PartialLimit {
        streams: values[0],
        streams_inbound: values[1],
        streams_outbound: values[2],
        conns: values[3],
        conns_inbound: values[4],
        conns_outbound: values[5],
        fd: values[6],
        memory: values[7],
        tasks: values[8],
        tasks_high: values[9],
        tasks_medium: values[10],
        tasks_low: values[11],
    })
}

/// Any configuration: names that have defaults and others, numbers of every size.
pub fn config() -> impl Strategy<Value = PartialLimits> {
    let name = || {
        prop_oneof![
            Just("libp2p.ping".to_owned()),
            Just("/ipfs/id/1.0.0".to_owned()),
            any::<String>()
        ]
    };
    let named = || btree_map(name(), scope(), 0..3);
    let peers = btree_map(vec(any::<u8>(), 1..9).prop_map(|key| peer::text(&key)), scope(), 0..3);
    let classes = vec(scope(), 11);
    (classes, [(); 4].map(|()| named()), peers).prop_map(|(classes, named, peer)| {
        let [service, service_peer, protocol, protocol_peer] = named;
        PartialLimits {
            system: classes[0],
            transient: classes[1],
            allowlisted_system: classes[2],
            allowlisted_transient: classes[3],
            service_default: classes[4],
            service,
            service_peer_default: classes[5],
            service_peer,
            protocol_default: classes[6],
            protocol,
            protocol_peer_default: classes[7],
            protocol_peer,
            peer_default: classes[8],
            peer,
            conn: classes[9],
            stream: classes[10],
        }
    })
}
