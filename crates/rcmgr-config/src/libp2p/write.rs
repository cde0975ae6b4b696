//! Limits in go-libp2p's format, and what that format has no words for.

use core::fmt;
use std::collections::{BTreeMap, HashMap};

use rcmgr_core::{
    ConnectionRates, IpLimits, Limit, Limits, Name, PeerKey, Resource, ScopeId, ScopeLimit,
};

use super::{MAX, PartialLimit, PartialLimits, Value};

/// A configuration that was made of limits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Written {
    /// The limits of every class and of every name that has its own, all of them set.
    pub config: PartialLimits,
    /// What `config` does not say. Where there is none of it, `config` over [`Limits::default`]
    /// gives the same limits again.
    pub left_out: Vec<LeftOut>,
}

/// A limit that go-libp2p's format cannot express.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// A limit of tasks, which go-libp2p does not have.
    Tasks {
        /// The limits that it is one of.
        of: Place,
        /// Which tasks.
        resource: Resource,
        /// How many.
        limit: Limit,
    },
    /// A limit of 2^63-1 or more. It is written as unlimited, which such a number is in Go.
    TooGreat {
        /// The limits that it is one of.
        of: Place,
        /// What it limits.
        resource: Resource,
        /// How much.
        limit: Limit,
    },
    /// The limits of a peer whose key has no text, or the same as another's.
    Peer(PeerKey),
    /// Limits of connections by address other than the defaults.
    Addresses,
    /// Rates of new connections other than the defaults.
    Rates,
    /// An allowlist that is not empty.
    Allowlist,
}

/// Where in a configuration the limits of a scope stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The field, by Go's name.
    pub field: &'static str,
    /// The name in it, if the field has many.
    pub name: Option<String>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{} {name:?}", self.field),
            None => f.write_str(self.field),
        }
    }
}

/// A sentence: what is not said, or not as it is.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LeftOut::Tasks { of, resource, limit } => {
                write!(f, "{of}: the limit of {limit} {resource} is left out: go-libp2p has none")
            }
            LeftOut::TooGreat { of, resource, limit } => {
                write!(f, "{of}: the limit of {limit} {resource} is written as unlimited: ")?;
                f.write_str("go-libp2p has none that is so great")
            }
            LeftOut::Peer(key) => {
                write!(f, "the limits of {} are left out: ", ScopeId::Peer(key.clone()))?;
                f.write_str("its key has no text of its own")
            }
            LeftOut::Addresses => f.write_str(
                "the limits of connections by address are left out: in go-libp2p they are set in code",
            ),
            LeftOut::Rates => f.write_str(
                "the rates of new connections are left out: in go-libp2p they are set in code",
            ),
            LeftOut::Allowlist => {
                f.write_str("the allowlist is left out: in go-libp2p it is set in code")
            }
        }
    }
}

impl PartialLimits {
    /// Limits as a configuration that sets all of them. `peer` makes texts of the keys of peers.
    ///
    /// ```
    /// use rcmgr_config::libp2p::{PartialLimits, defaults};
    ///
    /// let limits = defaults().scale(1 << 30, 2048);
    /// let written = PartialLimits::of(&limits, |_| None);
    /// assert_eq!(written.left_out, []);
    /// let json = serde_json::to_value(&written.config)?;
    /// assert_eq!(json["System"]["Memory"], "1207959552");
    /// assert_eq!(json["Conn"]["Streams"], "blockAll");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn of(limits: &Limits, peer: impl Fn(&[u8]) -> Option<String>) -> Written {
        let mut writer = Writer::default();
        let config = PartialLimits {
            system: writer.class("System", &limits.system),
            transient: writer.class("Transient", &limits.transient),
            allowlisted_system: writer.class("AllowlistedSystem", &limits.allowlisted_system),
            allowlisted_transient: writer
                .class("AllowlistedTransient", &limits.allowlisted_transient),
            service_default: writer.class("ServiceDefault", &limits.service),
            service: writer.named("Service", &limits.services),
            service_peer_default: writer.class("ServicePeerDefault", &limits.service_peer),
            service_peer: writer.named("ServicePeer", &limits.service_peers),
            protocol_default: writer.class("ProtocolDefault", &limits.protocol),
            protocol: writer.named("Protocol", &limits.protocols),
            protocol_peer_default: writer.class("ProtocolPeerDefault", &limits.protocol_peer),
            protocol_peer: writer.named("ProtocolPeer", &limits.protocol_peers),
            peer_default: writer.class("PeerDefault", &limits.peer),
            peer: writer.peers(&limits.peers, peer),
            conn: writer.class("Conn", &limits.connection),
            stream: writer.class("Stream", &limits.stream),
        };
        let Writer { mut left_out } = writer;
        left_out.extend((limits.ip != IpLimits::default()).then_some(LeftOut::Addresses));
        left_out.extend((limits.rates != ConnectionRates::default()).then_some(LeftOut::Rates));
        left_out.extend((!limits.allowlist.is_empty()).then_some(LeftOut::Allowlist));
        Written { config, left_out }
    }
}

#[derive(Default)]
struct Writer {
    left_out: Vec<LeftOut>,
}

impl Writer {
    fn class(&mut self, field: &'static str, limit: &ScopeLimit) -> PartialLimit {
        self.scope(Place { field, name: None }, limit)
    }

    fn named(
        &mut self,
        field: &'static str,
        limits: &HashMap<Name, ScopeLimit>,
    ) -> BTreeMap<String, PartialLimit> {
        let sorted: BTreeMap<&Name, &ScopeLimit> = limits.iter().collect();
        let written = sorted.into_iter().map(|(name, limit)| {
            let name = name.to_string();
            let place = Place { field, name: Some(name.clone()) };
            (name, self.scope(place, limit))
        });
        written.collect()
    }

    fn peers(
        &mut self,
        limits: &HashMap<PeerKey, ScopeLimit>,
        text: impl Fn(&[u8]) -> Option<String>,
    ) -> BTreeMap<String, PartialLimit> {
        let sorted: BTreeMap<&PeerKey, &ScopeLimit> = limits.iter().collect();
        let mut written = BTreeMap::new();
        for (key, limit) in sorted {
            match text(key).filter(|text| !written.contains_key(text)) {
                Some(name) => {
                    let place = Place { field: "Peer", name: Some(name.clone()) };
                    written.insert(name, self.scope(place, limit));
                }
                None => self.left_out.push(LeftOut::Peer(key.clone())),
            }
        }
        written
    }

    fn scope(&mut self, of: Place, limit: &ScopeLimit) -> PartialLimit {
        let mut writable = *limit;
        for resource in Resource::ALL {
            let limit = limit.get(resource);
            if limit.is_unlimited() {
                continue;
            }
            let of = of.clone();
            if is_of_tasks(resource) {
                self.left_out.push(LeftOut::Tasks { of, resource, limit });
            } else if limit.get() >= MAX {
                self.left_out.push(LeftOut::TooGreat { of, resource, limit });
                *writable.get_mut(resource) = Limit::UNLIMITED;
            }
        }
        PartialLimit {
            tasks: Value::Default,
            tasks_high: Value::Default,
            tasks_medium: Value::Default,
            tasks_low: Value::Default,
            ..writable.into()
        }
    }
}

fn is_of_tasks(resource: Resource) -> bool {
    use Resource::{Tasks, TasksHigh, TasksLow, TasksMedium};
    matches!(resource, Tasks | TasksHigh | TasksMedium | TasksLow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_core::AllowlistEntry;

    fn left_out(limits: &Limits) -> Vec<String> {
        let written = PartialLimits::of(limits, |_| Some("same".to_owned()));
        written.left_out.iter().map(LeftOut::to_string).collect()
    }

    #[test]
    fn what_go_libp2p_has_no_words_for_is_told() {
        let mut limits = Limits::default();
        assert_eq!(left_out(&limits), [""; 0]);
        limits.system.tasks_low = Limit::new(16);
        limits.services.insert("a \"b".into(), ScopeLimit::all(Limit::new(MAX)));
        limits.peers.insert(b"\x01".as_slice().into(), ScopeLimit::UNLIMITED);
        limits.peers.insert(b"\x02".as_slice().into(), ScopeLimit::UNLIMITED);
        limits.ip = IpLimits::unlimited();
        limits.rates = ConnectionRates::unlimited();
        limits.allowlist.insert(AllowlistEntry::network("192.0.2.0/24".parse().unwrap()));
        let told = left_out(&limits);
        assert_eq!(
            told[0],
            "System: the limit of 16 tasks of low class is left out: go-libp2p has none"
        );
        assert_eq!(
            told[1],
            "Service \"a \\\"b\": the limit of 9223372036854775807 bytes of memory is written as \
             unlimited: go-libp2p has none that is so great"
        );
        assert_eq!(
            told[9],
            told[1]
                .replace("bytes of memory is written as unlimited", "tasks is left out")
                .replace(" that is so great", "")
        );
        assert_eq!(
            told[13],
            "the limits of peer 0x02 are left out: its key has no text of its own"
        );
        assert!(told[14].contains("by address"), "{}", told[14]);
        assert!(told[15].contains("rates"), "{}", told[15]);
        assert!(told[16].contains("allowlist"), "{}", told[16]);
        assert_eq!(told.len(), 17);
    }

    #[test]
    fn what_is_too_great_is_unlimited() {
        let mut limits = Limits::default();
        limits.peer.memory = Limit::new(MAX - 1);
        limits.peer.streams = Limit::new(MAX);
        let written = PartialLimits::of(&limits, |_| None);
        assert_eq!(written.config.peer_default.memory, Value::Set(Limit::new(MAX - 1)));
        assert_eq!(written.config.peer_default.streams, Value::Set(Limit::UNLIMITED));
        assert_eq!(written.left_out.len(), 1);
    }
}
