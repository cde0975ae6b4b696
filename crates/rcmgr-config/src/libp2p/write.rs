//! Limits in go-libp2p's format, and what that format has no words for.

use std::collections::{BTreeMap, HashMap, HashSet};

use rcmgr_core::{Limit, Limits, Name, PeerKey, Resource, ScopeLimit};

use serde_json::{Map, Value as Json};

use super::read::{FIELDS, Field, LIMITS};
use super::{MAX, PartialLimit, PartialLimits};
use crate::{
    Base, ConnectionManager, Effective, Format, LeftOut, Setting, Settings, Subject, What, peer,
};

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

/// What is in effect as a complete configuration of go-libp2p in JSON, and what it does not say.
pub fn write(effective: &Effective) -> (String, Vec<LeftOut>) {
    let peer = |key: &[u8]| peer::id_of(key).map(|peer| peer.to_base58());
    let Written { config, mut left_out } = PartialLimits::of(&effective.limits, peer);
    let manager = ConnectionManager::default();
    left_out.extend(LeftOut::beside_limits(Format::Libp2p, effective, &manager));
    let text = serde_json::to_string_pretty(&config).expect("its keys are strings");
    (text + "\n", left_out)
}

/// What was said as a partial configuration of go-libp2p in JSON, and what it does not say. Where
/// the base is not go-libp2p's defaults, it is complete.
///
/// A limit that scales with the machine is written as what it comes to for this node.
pub fn write_said(effective: &Effective) -> (String, Vec<LeftOut>) {
    let settings = effective.settings();
    if settings.base.as_ref().is_some_and(|said| said.value != Base::Libp2p) {
        return write(effective);
    }
    let (text, mut left_out) = write(effective);
    let mut config: Map<String, Json> =
        serde_json::from_str(&text).expect("it was written as an object");
    for (field, of) in FIELDS {
        let Some(Json::Object(limits)) = config.get_mut(field) else { continue };
        match of {
            Field::Class(class) => keep_said(limits, settings, &Subject::Class(class)),
            Field::Names(subject) => {
                keep_names(limits, settings, |name| Some(subject(name.into())));
            }
            Field::Peers => {
                keep_names(limits, settings, |text| peer::key(text).ok().map(Subject::Peer));
            }
        }
    }
    config.retain(|_, limits| limits.as_object().is_some_and(|limits| !limits.is_empty()));
    if settings.memory.is_some() || settings.file_descriptors.is_some() {
        left_out.push(LeftOut { format: Format::Libp2p, what: What::Given });
    }
    let text = serde_json::to_string_pretty(&config).expect("its keys are strings");
    (text + "\n", left_out)
}

fn keep_names(
    names: &mut Map<String, Json>,
    settings: &Settings,
    subject: impl Fn(&str) -> Option<Subject>,
) {
    names.retain(|name, limits| match (subject(name), limits) {
        (Some(subject), Json::Object(limits)) => {
            keep_said(limits, settings, &subject);
            settings.scopes.contains_key(&subject)
        }
        _ => false,
    });
}

fn keep_said(limits: &mut Map<String, Json>, settings: &Settings, subject: &Subject) {
    let said = settings.scopes.get(subject);
    limits.retain(|key, _| {
        let resource = LIMITS.iter().find(|(name, _)| name == key).map(|(_, resource)| resource);
        let said = said.zip(resource).and_then(|(said, resource)| said.get(resource));
        said.is_some_and(|said| said.value != Setting::Default)
    });
}

impl PartialLimits {
    /// Limits as a configuration that sets all of them. `peer` makes texts of the keys of peers; a
    /// peer without one, or with that of another, goes by its class.
    ///
    /// What go-libp2p cannot say is written as unlimited: its limits are below 2^63-1, and it has
    /// none of tasks.
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
        let mut peers: Vec<(&PeerKey, String)> =
            limits.peers.keys().filter_map(|key| Some((key, peer(key)?))).collect();
        peers.sort();
        let mut texts = HashSet::new();
        peers.retain(|(_, text)| texts.insert(text.clone()));
        let limit_of = |key: &PeerKey| sayable(&limits.peers[key]);
        let said = Limits {
            system: sayable(&limits.system),
            transient: sayable(&limits.transient),
            allowlisted_system: sayable(&limits.allowlisted_system),
            allowlisted_transient: sayable(&limits.allowlisted_transient),
            service: sayable(&limits.service),
            services: all_sayable(&limits.services),
            service_peer: sayable(&limits.service_peer),
            service_peers: all_sayable(&limits.service_peers),
            protocol: sayable(&limits.protocol),
            protocols: all_sayable(&limits.protocols),
            protocol_peer: sayable(&limits.protocol_peer),
            protocol_peers: all_sayable(&limits.protocol_peers),
            peer: sayable(&limits.peer),
            peers: peers.iter().map(|(key, _)| ((*key).clone(), limit_of(key))).collect(),
            connection: sayable(&limits.connection),
            stream: sayable(&limits.stream),
            ..Limits::default()
        };
        let config = PartialLimits {
            system: set(said.system),
            transient: set(said.transient),
            allowlisted_system: set(said.allowlisted_system),
            allowlisted_transient: set(said.allowlisted_transient),
            service_default: set(said.service),
            service: named(&said.services),
            service_peer_default: set(said.service_peer),
            service_peer: named(&said.service_peers),
            protocol_default: set(said.protocol),
            protocol: named(&said.protocols),
            protocol_peer_default: set(said.protocol_peer),
            protocol_peer: named(&said.protocol_peers),
            peer_default: set(said.peer),
            peer: peers.into_iter().map(|(key, text)| (text, set(said.peers[key]))).collect(),
            conn: set(said.connection),
            stream: set(said.stream),
        };
        Written { config, left_out: LeftOut::of_limits(Format::Libp2p, limits, &said) }
    }
}

/// The limits as far as go-libp2p can say them.
fn sayable(limit: &ScopeLimit) -> ScopeLimit {
    let unsayable =
        |resource: &Resource| is_of_tasks(*resource) || limit.get(*resource).get() >= MAX;
    let unsayable = Resource::ALL.into_iter().filter(unsayable);
    unsayable.fold(*limit, |limit, resource| limit.with(resource, Limit::UNLIMITED))
}

fn all_sayable(limits: &HashMap<Name, ScopeLimit>) -> HashMap<Name, ScopeLimit> {
    limits.iter().map(|(name, limit)| (name.clone(), sayable(limit))).collect()
}

/// All limits set, but those of tasks, which go-libp2p does not know.
fn set(limit: ScopeLimit) -> PartialLimit {
    use super::Value::Default;
    PartialLimit {
        tasks: Default,
        tasks_high: Default,
        tasks_medium: Default,
        tasks_low: Default,
        ..limit.into()
    }
}

fn named(limits: &HashMap<Name, ScopeLimit>) -> BTreeMap<String, PartialLimit> {
    limits.iter().map(|(name, limit)| (name.to_string(), set(*limit))).collect()
}

fn is_of_tasks(resource: Resource) -> bool {
    use Resource::{Tasks, TasksHigh, TasksLow, TasksMedium};
    matches!(resource, Tasks | TasksHigh | TasksMedium | TasksLow)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libp2p::Value;
    use rcmgr_core::{AllowlistEntry, ConnectionRates, IpLimits};

    fn left_out(limits: &Limits) -> Vec<String> {
        let written = PartialLimits::of(limits, |_| Some("same".to_owned()));
        written.left_out.iter().map(LeftOut::to_string).collect()
    }

    #[test]
    fn what_was_said_is_written_and_no_more() {
        use crate::{Given, Source, ThisMachine, load};
        let text = r#"{"System":{"Conns":"unlimited","Memory":"1073741824"},"Protocol":{"/a":{},
            "/b":{"Streams":7,"FD":"default"}}}"#;
        let source = Source::new("limits.json", text).expect("it is short");
        let loaded = load(&source.into(), None, &ThisMachine).expect("it is good");
        let effective = Effective::of(loaded.settings.clone(), Given::exactly(1 << 30, 64));
        let (written, left_out) = write_said(&effective);
        assert_eq!(left_out, []);
        let json: Json = serde_json::from_str(&written).expect("it is JSON");
        let expected = serde_json::json!({
            "System": {"Conns": "unlimited", "Memory": "1073741824"},
            "Protocol": {"/a": {}, "/b": {"Streams": 7}},
        });
        assert_eq!(json, expected);

        let mut settings = loaded.settings;
        let flag = crate::At::Flag("--fd".into());
        settings.file_descriptors = Some(crate::Said::new(crate::Share::Exactly(64), flag));
        let (again, left_out) = write_said(&Effective::of(settings, Given::exactly(1 << 30, 64)));
        assert_eq!((again, left_out.len()), (written, 1));
    }

    #[test]
    fn what_go_libp2p_has_no_words_for_is_told() {
        let mut limits = Limits::default();
        assert_eq!(left_out(&limits), [""; 0]);
        limits.system.tasks_low = Limit::new(16);
        for name in ["a \"b", "c", "d", "e", "f"] {
            limits.services.insert(name.into(), ScopeLimit::all(Limit::new(MAX)));
        }
        limits.peers.insert(b"\x01".as_slice().into(), ScopeLimit::BLOCK_ALL);
        limits.peers.insert(b"\x02".as_slice().into(), ScopeLimit::BLOCK_ALL);
        limits.ip = IpLimits::unlimited();
        limits.rates = ConnectionRates::unlimited();
        limits.allowlist.insert(AllowlistEntry::network("192.0.2.0/24".parse().unwrap()));
        let of_all = "bytes of memory, inbound streams, outbound streams, streams, inbound \
                      connections, outbound connections, connections, file descriptors, tasks, \
                      tasks of high class, tasks of medium class, tasks of low class";
        assert_eq!(
            left_out(&limits),
            [
                "system: go-libp2p cannot say 16 tasks of low class (unlimited instead)".to_owned(),
                format!(
                    r#"service "a \"b", "c", "d" and 2 more: go-libp2p cannot say their limits of {of_all}"#
                ),
                format!("peer \"0x01\", \"0x02\": go-libp2p cannot say their limits of {of_all}"),
                "the limits of connections by address: go-libp2p has no words for them".to_owned(),
                "the rates of new connections: go-libp2p has no words for them".to_owned(),
                "the allowlist: go-libp2p has no words for it".to_owned(),
            ]
        );
    }

    #[test]
    fn what_is_too_great_is_unlimited() {
        let mut limits = Limits::default();
        limits.peer.memory = Limit::new(MAX - 1);
        limits.peer.streams = Limit::new(MAX);
        let written = PartialLimits::of(&limits, |_| None);
        assert_eq!(written.config.peer_default.memory, Value::Set(Limit::new(MAX - 1)));
        assert_eq!(written.config.peer_default.streams, Value::Set(Limit::UNLIMITED));
        assert_eq!(
            written.left_out[0].to_string(),
            "peer: go-libp2p cannot say 9223372036854775807 streams (unlimited instead)"
        );
        assert_eq!(written.left_out.len(), 1);
    }
}
