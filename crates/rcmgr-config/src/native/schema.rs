//! What the native format can say, and where: the one declaration that its reader, its writer, the
//! flags, the variables of the environment, the reference page and the JSON Schema go by.

mod docs;
mod names;

use rcmgr_core::Resource;

pub use docs::OF_ANSWERS as OF_ANSWERS_DOC;
pub use names::{Family, Names, Of};

use crate::settings::named_transports;
use crate::{AddressRule, Bound, Carrier, Class, Key, Protocols, Subject, Transport};

/// What may stand under a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Keys that the format knows.
    Record(Record),
    /// Keys that whoever writes the file chooses.
    Names(Names),
    /// One value.
    Value(Slot),
}

/// What a value is the value of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// What holds where nothing is said.
    Base,
    /// Something that is in effect.
    Of(Key),
}

/// A set of keys that the format knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Record {
    /// The whole file.
    Root,
    /// The limits of scopes.
    Limits,
    /// The limits of one class of scopes, or of one name.
    Scope(Subject),
    /// How many connections there may be by address.
    Connections,
    /// How fast connections may be opened.
    Rates,
    /// The memory that connections and streams take by themselves.
    BaseMemory,
    /// The same of one transport.
    Carriers(Transport),
    /// The connection manager.
    ConnectionManager,
    /// How many connections protocols are to have.
    Quota(Protocols),
}

/// A key that the format knows.
#[derive(Clone, Debug)]
pub struct Field {
    /// The key.
    pub key: &'static str,
    /// What it means, in Markdown.
    pub doc: &'static str,
    /// What may stand under it.
    pub shape: Shape,
}

impl Record {
    /// The keys, in the order in which they are written and documented.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Record::Root => root(),
            Record::Limits => limits(),
            Record::Scope(subject) => scope(subject),
            Record::Connections => addresses(Of::Connections),
            Record::Rates => rates(),
            Record::BaseMemory => base_memory(),
            Record::Carriers(transport) => carriers(*transport),
            Record::ConnectionManager => connection_manager(),
            Record::Quota(protocols) => quota(protocols),
        }
    }

    /// The field of a key.
    pub fn field(&self, key: &str) -> Option<Field> {
        self.fields().into_iter().find(|field| field.key == key)
    }
}

/// Every value that has a place without a name that somebody chose, with the keys that lead to it.
pub fn fixed() -> Vec<(Vec<&'static str>, Slot)> {
    let mut all = Vec::new();
    collect(&Record::Root, &[], &mut all);
    all
}

fn collect(record: &Record, path: &[&'static str], all: &mut Vec<(Vec<&'static str>, Slot)>) {
    for Field { key, shape, .. } in record.fields() {
        let mut path = path.to_vec();
        path.push(key);
        match shape {
            Shape::Record(record) => collect(&record, &path, all),
            Shape::Names(_) => {}
            Shape::Value(slot) => all.push((path, slot)),
        }
    }
}

fn value(key: &'static str, doc: &'static str, slot: Key) -> Field {
    Field { key, doc, shape: Shape::Value(Slot::Of(slot)) }
}

fn record(key: &'static str, doc: &'static str, record: Record) -> Field {
    Field { key, doc, shape: Shape::Record(record) }
}

fn names(key: &'static str, doc: &'static str, names: Names) -> Field {
    Field { key, doc, shape: Shape::Names(names) }
}

fn root() -> Vec<Field> {
    vec![
        Field { key: "base", doc: docs::BASE, shape: Shape::Value(Slot::Base) },
        value("memory", docs::MEMORY, Key::Memory),
        value("file-descriptors", docs::FILE_DESCRIPTORS, Key::FileDescriptors),
        record("limits", docs::LIMITS, Record::Limits),
        record("connections-by-address", docs::CONNECTIONS, Record::Connections),
        record("connection-rates", docs::RATES, Record::Rates),
        value("allowlist", docs::ALLOWLIST, Key::Allowlist),
        record("base-memory", docs::BASE_MEMORY, Record::BaseMemory),
        record("connection-manager", docs::CONNECTION_MANAGER, Record::ConnectionManager),
    ]
}

fn limits() -> Vec<Field> {
    let classes = Class::ALL
        .map(|class| record(class.key(), docs::class(class), Record::Scope(Subject::Class(class))));
    let mut fields = Vec::from(classes);
    fields.extend([
        names("services", docs::SERVICES, Names::Services),
        names("service-peers", docs::SERVICE_PEERS, Names::ServicePeers),
        names("protocols", docs::PROTOCOLS, Names::Protocols),
        names("protocol-peers", docs::PROTOCOL_PEERS, Names::ProtocolPeers),
        names("peers", docs::PEERS, Names::Peers),
    ]);
    fields
}

/// The keys of resources, in the order in which they are written.
const RESOURCES: [(&str, &str, Resource); 12] = [
    ("memory", docs::LIMIT_MEMORY, Resource::Memory),
    ("streams", docs::STREAMS, Resource::Streams),
    ("streams-inbound", docs::STREAMS_INBOUND, Resource::StreamsInbound),
    ("streams-outbound", docs::STREAMS_OUTBOUND, Resource::StreamsOutbound),
    ("connections", docs::CONNECTIONS_BOTH, Resource::Connections),
    ("connections-inbound", docs::CONNECTIONS_INBOUND, Resource::ConnectionsInbound),
    ("connections-outbound", docs::CONNECTIONS_OUTBOUND, Resource::ConnectionsOutbound),
    ("file-descriptors", docs::LIMIT_DESCRIPTORS, Resource::FileDescriptors),
    ("tasks", docs::TASKS, Resource::Tasks),
    ("tasks-high", docs::TASKS_HIGH, Resource::TasksHigh),
    ("tasks-medium", docs::TASKS_MEDIUM, Resource::TasksMedium),
    ("tasks-low", docs::TASKS_LOW, Resource::TasksLow),
];

fn scope(subject: &Subject) -> Vec<Field> {
    let field = |(key, doc, resource)| value(key, doc, Key::Limit(subject.clone(), resource));
    RESOURCES.map(field).into()
}

fn addresses(of: Of) -> Vec<Field> {
    let [v4, v6, networks] = match of {
        Of::Connections => docs::CONNECTIONS_BY_ADDRESS,
        Of::Rates => docs::RATES_BY_ADDRESS,
    };
    vec![
        names("ipv4", v4, Names::Subnets(of, Family::V4)),
        names("ipv6", v6, Names::Subnets(of, Family::V6)),
        names("networks", networks, Names::Networks(of)),
    ]
}

fn rates() -> Vec<Field> {
    let mut fields = vec![
        value("all", docs::RATE_ALL, Key::Rate(AddressRule::All)),
        value(
            "without-address",
            docs::RATE_WITHOUT_ADDRESS,
            Key::Rate(AddressRule::WithoutAddress),
        ),
    ];
    fields.extend(addresses(Of::Rates));
    fields.extend([
        value("grace-period", docs::RATE_GRACE, Key::RateGrace),
        value("max-subnets", docs::RATE_BUCKETS, Key::RateBuckets),
    ]);
    fields
}

fn base_memory() -> Vec<Field> {
    let field = |transport: Transport| {
        record(transport.name(), docs::transport(transport), Record::Carriers(transport))
    };
    named_transports().map(field).collect()
}

fn carriers(transport: Transport) -> Vec<Field> {
    let field = |(doc, carrier): (_, Carrier)| {
        value(carrier.name(), doc, Key::BaseMemory(transport, carrier))
    };
    let carriers = [
        (docs::BASE_MEMORY_CONNECTION, Carrier::Connection),
        (docs::BASE_MEMORY_STREAM, Carrier::Stream),
    ];
    carriers.map(field).into()
}

fn connection_manager() -> Vec<Field> {
    vec![
        value("type", docs::MANAGER_TYPE, Key::ManagerType),
        value("high-watermark", docs::HIGH_WATERMARK, Key::HighWatermark),
        value("low-watermark", docs::LOW_WATERMARK, Key::LowWatermark),
        value("grace-period", docs::GRACE_PERIOD, Key::GracePeriod),
        value("silence-period", docs::SILENCE_PERIOD, Key::SilencePeriod),
        names("quotas", docs::QUOTAS, Names::Quotas),
    ]
}

fn quota(protocols: &Protocols) -> Vec<Field> {
    let field = |key, doc, bound| value(key, doc, Key::Quota(protocols.clone(), bound));
    vec![
        field("minimum", docs::QUOTA_MINIMUM, Bound::Minimum),
        field("maximum", docs::QUOTA_MAXIMUM, Bound::Maximum),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_once_and_is_documented() {
        let mut seen = std::collections::BTreeSet::new();
        for (path, slot) in fixed() {
            assert!(seen.insert(slot), "{path:?}");
        }
        assert_eq!(seen.len(), 3 + 11 * 12 + 4 + 1 + 7 * 2 + 5);
        assert_eq!(RESOURCES.len(), Resource::ALL.len());
        let records = [Record::Root, Record::Limits, Record::Rates, Record::ConnectionManager];
        for field in records.iter().flat_map(Record::fields) {
            assert!(field.doc.ends_with('.'), "{}: {}", field.key, field.doc);
        }
    }

    #[test]
    fn keys_are_those_by_which_effects_are_told() {
        for (path, slot) in fixed() {
            match slot {
                Slot::Base => assert_eq!(path, ["base"]),
                Slot::Of(key) => assert_eq!(path.join("."), key.to_string()),
            }
        }
    }
}
