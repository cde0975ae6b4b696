//! The limits that Kubo makes of memory, descriptors and the high watermark.

use rcmgr_core::{Limit, Resource};

use super::DEFAULT;
use super::connection_manager::ConnectionManager;
use super::resource_manager::Given;
use crate::libp2p::{self, Bound};
use crate::{
    AddressRule, Base, Choice, Class, MemoryGiven, Said, Setting, Settings, Share, Subject,
};

/// So many inbound connections there may be at least, `DefaultResourceMgrMinInboundConns`, where
/// there is a connection manager.
const INBOUND_CONNECTIONS: u64 = 800;

/// How many connections there may be from a subnet of IPv6 of each prefix length.
const SUBNETS_V6: [(u8, u64); 2] = [(56, 16), (48, 128)];

/// The classes that have no limits.
const UNLIMITED: [Class; 8] = [
    Class::AllowlistedSystem,
    Class::AllowlistedTransient,
    Class::Service,
    Class::ServicePeer,
    Class::Protocol,
    Class::ProtocolPeer,
    Class::Connection,
    Class::Stream,
];

/// The resources that go-libp2p limits.
const RESOURCES: [Resource; 8] = [
    Resource::Memory,
    Resource::StreamsInbound,
    Resource::StreamsOutbound,
    Resource::Streams,
    Resource::ConnectionsInbound,
    Resource::ConnectionsOutbound,
    Resource::Connections,
    Resource::FileDescriptors,
];

/// Says what Kubo makes of what a node is given.
pub(super) fn set(settings: &mut Settings, given: &Given, manager: &ConnectionManager) {
    let Given { memory, file_descriptors } = given;
    settings.base = Some(Said::new(Base::Libp2p, DEFAULT));
    let exactly = MemoryGiven::Share(Share::Exactly(memory.value));
    settings.memory = Some(Said::new(exactly, memory.at.clone()));
    let exactly = Share::Exactly(file_descriptors.value);
    settings.file_descriptors = Some(Said::new(exactly, file_descriptors.at.clone()));

    for class in UNLIMITED {
        unlimited(settings, class, &RESOURCES);
    }
    // What is not said of a peer is go-libp2p's default.
    let [inbound_streams, inbound_connections] =
        [Resource::StreamsInbound, Resource::ConnectionsInbound];
    let of_peer = RESOURCES.map(|resource| {
        (resource != inbound_streams && resource != inbound_connections).then_some(resource)
    });
    unlimited(settings, Class::Peer, &of_peer.into_iter().flatten().collect::<Vec<_>>());

    let connections = Said::new(memory.value >> 20, memory.at.clone());
    for (class, part) in [(Class::System, 1), (Class::Transient, 4)] {
        unlimited(settings, class, &RESOURCES);
        set_or_default(settings, class, Resource::Memory, memory, part);
        set_or_default(settings, class, Resource::FileDescriptors, file_descriptors, part);
        set_or_default(settings, class, inbound_connections, &connections, part);
    }
    if let Some(high_watermark) = manager.high_watermark() {
        // go-libp2p's default stands where less than a MiB is given.
        let connections = match connections.value {
            0 => {
                let defaults = libp2p::defaults().scale(memory.value, file_descriptors.value);
                Said::new(defaults.system.connections_inbound.get(), DEFAULT)
            }
            _ => connections,
        };
        let twice = high_watermark.value.saturating_mul(2);
        let candidates = [
            connections,
            Said::new(INBOUND_CONNECTIONS, DEFAULT),
            Said::new(twice, high_watermark.at.clone()),
        ];
        // Of equal ones the last is taken.
        let most = candidates.into_iter().max_by_key(|said| said.value);
        if let Some(most) = most {
            let setting = Setting::Limit(Bound(most.value).into());
            say(settings, Class::System, inbound_connections, Said::new(setting, most.at));
        }
    }

    for (length, limit) in SUBNETS_V6 {
        let limit = Said::new(Choice::Set(Limit::new(limit)), DEFAULT);
        settings.connections.insert(AddressRule::SubnetV6(length), limit);
    }
}

fn unlimited(settings: &mut Settings, class: Class, resources: &[Resource]) {
    for resource in resources {
        let unlimited = Said::new(Setting::Limit(Limit::UNLIMITED), DEFAULT);
        say(settings, class, *resource, unlimited);
    }
}

/// Says a part of a number. Where that is 0, it is go-libp2p's default, which 0 means in the
/// limits that Kubo makes.
fn set_or_default(
    settings: &mut Settings,
    class: Class,
    resource: Resource,
    whole: &Said<u64>,
    part: u64,
) {
    let setting = match whole.value / part {
        0 => Setting::Default,
        number => Setting::Limit(Bound(number).into()),
    };
    say(settings, class, resource, Said::new(setting, whole.at.clone()));
}

fn say(settings: &mut Settings, class: Class, resource: Resource, said: Said<Setting>) {
    settings.scopes.entry(Subject::Class(class)).or_default().insert(resource, said);
}
