//! How a connection manager behaves: its marks, periods and bounds.

use std::time::Duration;

use crate::{
    TooLong, Watermarks,
    error::{SettingsError, period},
};

/// From when on the grace period of a peer is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GraceFrom {
    /// From its first connection, as in go-libp2p: a later one has none of its own.
    #[default]
    FirstConnection,
    /// From its youngest connection. A peer that opens one now and then is never trimmed.
    YoungestConnection,
}

/// Settings of a [`Manager`](crate::Manager).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The marks.
    pub marks: Watermarks,
    /// For how long a new peer is not trimmed; 60 s, go: `WithGracePeriod`. May be zero.
    pub grace: Duration,
    /// What the grace period is counted from.
    pub grace_from: GraceFrom,
    /// How often the background trim looks; 10 s, go: `WithSilencePeriod`. Not zero.
    pub silence: Duration,
    /// How often decaying tags are looked at; 60 s, go: `DecayerCfg.Resolution`. Not zero.
    pub resolution: Duration,
    /// For how long tags of a peer without a connection are kept, though never for less than the
    /// grace period; 10 min. Those of a protected peer are kept for as long as it is protected.
    /// go-libp2p keeps all until a trim comes to them.
    pub temporary: Duration,
    /// Decides between peers that nothing else tells apart, and where each is kept. None, the
    /// default, is a random number: no remote can then choose an identifier that stays, or many
    /// that are kept in one place. With a number the same calls have the same results, and whoever
    /// knows it can do so: it is for tests.
    pub seed: Option<u64>,
    /// The bounds.
    pub bounds: Bounds,
}

/// How much is kept of what other parties can make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Connections; 1,048,576.
    pub connections: usize,
    /// Connections of one peer; 1,024.
    pub connections_per_peer: usize,
    /// Bytes of the address of a connection; 1,024.
    pub address_bytes: usize,
    /// Peers that have tags and no connection; 16,384.
    pub temporary_peers: usize,
    /// Plain tags of one peer; 256.
    pub tags_per_peer: usize,
    /// Bytes of the name of a tag, whichever kind it is of; 256.
    pub name_bytes: usize,
    /// Pairs of protected peer and tag; 65,536.
    pub protections: usize,
    /// Decaying tags that are registered at a time; 256.
    pub decaying_tags: usize,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            connections: 1 << 20,
            connections_per_peer: 1 << 10,
            address_bytes: 1 << 10,
            temporary_peers: 1 << 14,
            tags_per_peer: 256,
            name_bytes: 256,
            protections: 1 << 16,
            decaying_tags: 256,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            marks: Watermarks::default(),
            grace: Duration::from_secs(60),
            grace_from: GraceFrom::default(),
            silence: Duration::from_secs(10),
            resolution: Duration::from_secs(60),
            temporary: Duration::from_secs(600),
            seed: None,
            bounds: Bounds::default(),
        }
    }
}

impl Bounds {
    /// Checks the name of a tag.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), TooLong> {
        within("the name of a tag", name, self.name_bytes)
    }

    /// Checks the address of a connection.
    pub(crate) fn check_address(&self, address: &str) -> Result<(), TooLong> {
        within("the address of a connection", address, self.address_bytes)
    }
}

fn within(what: &'static str, text: &str, most: usize) -> Result<(), TooLong> {
    let length = text.len();
    if length > most { Err(TooLong { what, length, most }) } else { Ok(()) }
}

impl Settings {
    /// Checks the periods; the marks were when they were made.
    pub(crate) fn check(&self) -> Result<(), SettingsError> {
        period("the silence period", self.silence)?;
        period("the resolution of decay", self.resolution)
    }
}
