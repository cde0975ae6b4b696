//! What a connection manager answers to an operation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer to one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Verdict {
    /// The number of the operation, from 0.
    pub i: u64,
    /// Whether it was done.
    pub ok: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub err_kind: Option<String>,
    /// What unprotect and is_protected say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ret: Option<bool>,
    /// How often a decaying tag that was registered fades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// Whether the peer that was asked for is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<bool>,
    /// What is known of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub info: Option<Info>,
    /// The state of the manager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cm: Option<Marks>,
    /// What came of each command of a batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<String>,
    /// The trims that were made.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trims: Vec<Trim>,
    /// How many connections there are.
    pub count: u64,
    /// The peers that are not as they were; none: they are gone.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub changed: BTreeMap<String, Option<PeerState>>,
    /// The defects of go-libp2p that it ran into.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quirk: Vec<String>,
    /// An error, in its words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub err: Option<String>,
}

/// A peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct PeerState {
    pub value: i64,
    pub tags: BTreeMap<String, i64>,
    pub conns: u64,
    pub first_seen: u64,
    /// Whether it has tags only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temp: bool,
}

/// A peer, with where it is connected from and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Info {
    pub value: i64,
    pub tags: BTreeMap<String, i64>,
    pub conns: u64,
    pub first_seen: u64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temp: bool,
    pub addrs: BTreeMap<String, Vec<u64>>,
}

/// The state of the manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Marks {
    pub low: u64,
    pub high: u64,
    pub grace_ms: u64,
    pub last_trim: Option<u64>,
    pub count: u64,
}

/// One trim.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Trim {
    /// `open`, `force` or `background`.
    pub kind: String,
    /// When, in milliseconds.
    pub at: u64,
    /// Why nothing was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Blocks of connections in closing order; within one, the order does not matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<Vec<String>>,
    /// Peers without a connection whose tags were dropped.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pruned: Vec<String>,
    /// Connections that were to be closed twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dup: Vec<String>,
    /// The last block, where only a part of it had to go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ties: Option<Ties>,
}

/// Peers of equal worth, of which some had to go. After it all of them are closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ties {
    /// How many connections had to go.
    pub need: u64,
    /// How many connections each has.
    pub peers: BTreeMap<String, u64>,
    /// The connections.
    pub conns: Vec<String>,
    /// The peers that we chose. In recorded verdicts there are none: there it was chance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chosen: Vec<String>,
}
