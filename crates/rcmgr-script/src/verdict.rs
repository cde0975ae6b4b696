//! What a manager answers to an operation, with the complete effect on every scope.

use core::fmt;
use std::collections::BTreeMap;

use rcmgr_core::{Amount, Resource};
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde::ser::{SerializeSeq as _, Serializer};
use serde::{Deserialize, Serialize};

/// The answer to one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The number of the operation, from 0.
    pub i: u64,
    /// Whether it was done.
    pub ok: bool,
    /// Why not.
    pub err_kind: Option<ErrKind>,
    /// The scope that refused.
    pub blocked_by: Option<String>,
    /// Which limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<Detail>,
    /// Whether a source address should be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<bool>,
    /// What every scope whose stat is another than before holds now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Stat>,
    /// What every scope that is not empty holds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub full: BTreeMap<String, Stat>,
    /// The names that have scopes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// Recorded verdicts only: the defects of go-libp2p that this runs into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quirk: Vec<String>,
    /// Recorded verdicts only: the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub err: Option<String>,
}

/// Why an operation was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrKind {
    /// A scope has no room.
    Limit,
    /// The scope is closed.
    Closed,
    /// The connection has its peer, or the stream its protocol or service.
    AlreadyAttached,
    /// A stream takes its service after its protocol.
    NoProtocol,
    /// The address has its share of connections.
    IpLimit,
    /// New connections come too fast.
    Rate,
    /// A negative number of bytes.
    Negative,
    /// Nothing of that name was made, or its making was refused.
    UnknownId,
    /// go-libp2p panicked.
    Panic,
    /// Another error of go-libp2p.
    Other,
    /// Ours: more was to be released than is held.
    NotHeld,
    /// Ours: a counter cannot represent the sum.
    Capacity,
    /// Ours: connections, streams and spans of them hold memory only.
    MemoryOnly,
    /// Ours: spans are nested too deep.
    TooDeep,
    /// Ours: reservations of two scopes do not merge.
    OtherScope,
}

/// The limit that refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detail {
    /// The resource.
    pub what: What,
    /// What the scope held.
    pub current: i128,
    /// What was asked for beyond that.
    pub attempted: i128,
    /// The limit in force.
    pub limit: i128,
    /// The priority of a request for memory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prio: Option<u8>,
}

/// A resource, by its name in scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "they are those of `rcmgr_core::Resource`")]
pub enum What {
    Memory,
    StreamsIn,
    StreamsOut,
    Streams,
    ConnsIn,
    ConnsOut,
    Conns,
    Fd,
    Tasks,
    TasksHigh,
    TasksMedium,
    TasksLow,
    /// One that this version of the format has no name for.
    Unknown,
}

impl From<Resource> for What {
    fn from(resource: Resource) -> What {
        match resource {
            Resource::Memory => What::Memory,
            Resource::StreamsInbound => What::StreamsIn,
            Resource::StreamsOutbound => What::StreamsOut,
            Resource::Streams => What::Streams,
            Resource::ConnectionsInbound => What::ConnsIn,
            Resource::ConnectionsOutbound => What::ConnsOut,
            Resource::Connections => What::Conns,
            Resource::FileDescriptors => What::Fd,
            Resource::Tasks => What::Tasks,
            Resource::TasksHigh => What::TasksHigh,
            Resource::TasksMedium => What::TasksMedium,
            Resource::TasksLow => What::TasksLow,
            _ => What::Unknown,
        }
    }
}

/// The names that have scopes, each list in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Live {
    pub services: Vec<String>,
    pub protocols: Vec<String>,
    pub peers: Vec<String>,
    pub service_peers: Vec<String>,
    pub protocol_peers: Vec<String>,
}

/// What a scope holds: memory, streams in and out, connections in and out, descriptors; and then
/// tasks of high, medium and low class, where it holds any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stat([i128; 9]);

/// How many numbers there are without tasks.
const WITHOUT_TASKS: usize = 6;

impl Stat {
    /// Whether it is nothing.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 9]
    }

    fn told(&self) -> &[i128] {
        let (without, tasks) = self.0.split_at(WITHOUT_TASKS);
        if tasks == [0; 3] { without } else { &self.0 }
    }
}

impl From<Amount> for Stat {
    fn from(held: Amount) -> Stat {
        Stat([
            held.memory.into(),
            held.streams_inbound.into(),
            held.streams_outbound.into(),
            held.connections_inbound.into(),
            held.connections_outbound.into(),
            held.file_descriptors.into(),
            held.tasks_high.into(),
            held.tasks_medium.into(),
            held.tasks_low.into(),
        ])
    }
}

impl fmt::Display for Stat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (at, number) in self.told().iter().enumerate() {
            write!(f, "{}{number}", if at == 0 { "" } else { "," })?;
        }
        f.write_str("]")
    }
}

impl Serialize for Stat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let told = self.told();
        let mut list = to.serialize_seq(Some(told.len()))?;
        for number in told {
            list.serialize_element(number)?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Stat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Stat, D::Error> {
        struct Numbers;

        impl<'de> Visitor<'de> for Numbers {
            type Value = Stat;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "[memory, streams_in, streams_out, conns_in, conns_out, fd], and perhaps \
                     tasks of high, medium and low class",
                )
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Stat, A::Error> {
                let mut stat = [0; 9];
                let mut count = 0;
                while let Some(number) = list.next_element::<i128>()? {
                    if let Some(place) = stat.get_mut(count) {
                        *place = number;
                    }
                    count += 1;
                }
                match count {
                    WITHOUT_TASKS | 9 => Ok(Stat(stat)),
                    _ => Err(serde::de::Error::invalid_length(count, &self)),
                }
            }
        }

        from.deserialize_seq(Numbers)
    }
}
