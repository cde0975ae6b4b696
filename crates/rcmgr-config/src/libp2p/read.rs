//! Partial limits with the places where they stand.

use std::collections::BTreeMap;
use std::sync::Arc;

use rcmgr_core::{Name, Resource};

use super::Value;
use crate::document::{self, Entry, Node};
use crate::formats::Read;
use crate::quoted::quoted;
use crate::reading::{Others, Reading, whole};
use crate::{Class, Diagnostic, Said, Setting, Settings, Source, Subject, peer};

/// What stands in a field of a configuration.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// The limits of a class.
    Class(Class),
    /// Those of names.
    Names(fn(Name) -> Subject),
    /// Those of peers.
    Peers,
}

/// The fields by Go's names.
pub(super) const FIELDS: [(&str, Field); 16] = [
    ("System", Field::Class(Class::System)),
    ("Transient", Field::Class(Class::Transient)),
    ("AllowlistedSystem", Field::Class(Class::AllowlistedSystem)),
    ("AllowlistedTransient", Field::Class(Class::AllowlistedTransient)),
    ("ServiceDefault", Field::Class(Class::Service)),
    ("Service", Field::Names(Subject::Service)),
    ("ServicePeerDefault", Field::Class(Class::ServicePeer)),
    ("ServicePeer", Field::Names(Subject::ServicePeer)),
    ("ProtocolDefault", Field::Class(Class::Protocol)),
    ("Protocol", Field::Names(Subject::Protocol)),
    ("ProtocolPeerDefault", Field::Class(Class::ProtocolPeer)),
    ("ProtocolPeer", Field::Names(Subject::ProtocolPeer)),
    ("PeerDefault", Field::Class(Class::Peer)),
    ("Peer", Field::Peers),
    ("Conn", Field::Class(Class::Connection)),
    ("Stream", Field::Class(Class::Stream)),
];

/// The limits of a scope by Go's names; those of tasks are ours.
pub(super) const LIMITS: [(&str, Resource); 12] = [
    ("Streams", Resource::Streams),
    ("StreamsInbound", Resource::StreamsInbound),
    ("StreamsOutbound", Resource::StreamsOutbound),
    ("Conns", Resource::Connections),
    ("ConnsInbound", Resource::ConnectionsInbound),
    ("ConnsOutbound", Resource::ConnectionsOutbound),
    ("FD", Resource::FileDescriptors),
    ("Memory", Resource::Memory),
    ("Tasks", Resource::Tasks),
    ("TasksHigh", Resource::TasksHigh),
    ("TasksMedium", Resource::TasksMedium),
    ("TasksLow", Resource::TasksLow),
];

/// Whether a key is that of a field of a configuration.
pub(crate) fn is_field(key: &str) -> bool {
    FIELDS.iter().any(|(field, _)| *field == key)
}

/// Reads a `PartialLimitConfig` of go-libp2p.
///
/// `"default"` leaves a limit to what the file is laid over, as if it were not there. What it says is
/// what go-libp2p makes of it, but for what few would mean: unknown keys, numbers
/// below -2, and `null` for a limit (which go-libp2p takes for "blockAll", and of memory for an
/// error) are errors here. A scope, or a map of names, that is `null` says nothing, as in Go, and
/// keys may be in any case.
///
/// # Errors
/// All that is wrong, and the warnings.
pub fn read(source: &Arc<Source>, tree: &Node) -> Result<Read, Vec<Diagnostic>> {
    let mut reading = Reading::of(source);
    let mut settings = Settings::default();
    let keys = FIELDS.map(|(key, _)| key);
    let found = reading.top(tree, "a configuration of go-libp2p's limits", keys, Others::Denied);
    for (entry, (_, field)) in found.into_iter().zip(FIELDS) {
        let Some(entry) = entry else { continue };
        match field {
            Field::Class(class) => {
                scope(&mut reading, &mut settings, Subject::Class(class), entry);
            }
            Field::Names(subject) => {
                for entry in reading.entries(&entry.value, &entry.key) {
                    let subject = subject(entry.key.as_str().into());
                    scope(&mut reading, &mut settings, subject, entry);
                }
            }
            Field::Peers => peers(&mut reading, &mut settings, entry),
        }
    }
    reading.finish(settings)
}

fn peers(reading: &mut Reading<'_>, settings: &mut Settings, peers: &Entry) {
    let entries = reading.entries(&peers.value, &peers.key);
    for entry in entries {
        let subject = match peer::key(&entry.key) {
            Ok(key) => Subject::Peer(key),
            Err(peer::InvalidPeer) => {
                let message = format!("{} names no peer", quoted(&entry.key));
                let help = "write a peer id, such as 12D3KooW… or Qm…";
                reading.error(entry.key_span, message, help);
                continue;
            }
        };
        // An id has two spellings, so that one peer can stand under two keys.
        if settings.scopes.contains_key(&subject) {
            let message = "this peer stands under another spelling of its id, too";
            reading.error(entry.key_span, message, "leave one of them out");
            continue;
        }
        scope(reading, settings, subject, entry);
    }
}

fn scope(reading: &mut Reading<'_>, settings: &mut Settings, subject: Subject, entry: &Entry) {
    let keys = LIMITS.map(|(key, _)| key);
    let found = reading.fields(&entry.value, &entry.key, keys, Others::Denied);
    let said = found.into_iter().zip(LIMITS).filter_map(|(entry, (_, resource))| {
        let said = entry.and_then(|entry| limit(reading, entry))?;
        Some((resource, said))
    });
    let limits: BTreeMap<_, _> = said.collect();
    // A name without limits is known, and goes by its class; a class without any says nothing.
    if !limits.is_empty() || !matches!(subject, Subject::Class(_)) {
        settings.scopes.insert(subject, limits);
    }
}

/// The limit that is said, if one is: "default" says nothing.
fn limit(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<Setting>> {
    let value = match &entry.value.value {
        document::Value::Text(text) => Value::of_text(text),
        document::Value::Number(_) => whole(&entry.value).and_then(Value::of_number),
        document::Value::Null => {
            let help = "write \"blockAll\", which go-libp2p takes it for, or leave the key out to \
                        keep the default";
            reading.unfit(&entry.value, &entry.key, help);
            return None;
        }
        _ => None,
    };
    match value {
        Some(Value::Set(limit)) => Some(reading.said(Setting::Limit(limit), &entry.value)),
        Some(Value::Default) => None,
        None => {
            let help = format!("write {}", Value::EXPECTED);
            reading.unfit(&entry.value, &entry.key, help);
            None
        }
    }
}
