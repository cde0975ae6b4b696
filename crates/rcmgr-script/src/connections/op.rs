//! The lines of a script: the settings of the manager, then what happens to it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Fault, ScriptError, lines::Lines};

/// The first line: the settings. Times are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Header {
    pub low: u64,
    pub high: u64,
    pub grace_ms: u64,
    pub silence_ms: u64,
    pub resolution_ms: u64,
    /// What the script was generated for.
    #[serde(default)]
    pub profile: String,
    #[serde(default)]
    pub seed: u64,
    /// The quirks of go-libp2p that it runs into.
    #[serde(default)]
    pub quirks: Vec<String>,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Dir {
    In,
    Out,
}

/// How a tag is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Upsert {
    Add(i64),
    Mul(i64),
    Set(i64),
}

/// How a decaying tag fades. A number that is 0 may be left out: Go writes it so.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum DecayFn {
    None {},
    Fixed {
        #[serde(default)]
        by: i64,
    },
    Linear {
        #[serde(default)]
        coef: f64,
    },
    Expire {
        #[serde(default)]
        ms: u64,
    },
}

/// What a bump does. A bound of 0 may be left out: Go writes it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum BumpFn {
    Unbounded {},
    Bounded {
        #[serde(default)]
        min: i64,
        #[serde(default)]
        max: i64,
    },
    Overwrite {},
}

/// What goes through the queue of go-libp2p's decayer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum QueueOp {
    Bump {
        id: String,
        peer: String,
        #[serde(default)]
        delta: i64,
    },
    RemoveDecaying {
        id: String,
        peer: String,
    },
    CloseDecaying {
        id: String,
    },
}

/// One operation. A number that is 0 may be left out: Go writes it so.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Op {
    Connected {
        conn: String,
        peer: String,
        dir: Dir,
        addr: String,
        #[serde(default)]
        streams: u32,
    },
    Disconnected {
        conn: String,
    },
    SetStreams {
        conn: String,
        #[serde(default)]
        n: u32,
    },
    Tag {
        peer: String,
        tag: String,
        #[serde(default)]
        value: i64,
    },
    Untag {
        peer: String,
        tag: String,
    },
    Upsert {
        peer: String,
        tag: String,
        r#fn: Upsert,
    },
    TagInfo {
        peer: String,
        /// Of no meaning; some scripts have it.
        #[serde(default)]
        tag: String,
    },
    Protect {
        peer: String,
        tag: String,
    },
    Unprotect {
        peer: String,
        tag: String,
    },
    IsProtected {
        peer: String,
        /// None is any.
        #[serde(default)]
        tag: String,
    },
    RegisterDecaying {
        id: String,
        tag: String,
        #[serde(default)]
        interval_ms: u64,
        decay: DecayFn,
        bump: BumpFn,
    },
    Bump {
        id: String,
        peer: String,
        #[serde(default)]
        delta: i64,
    },
    RemoveDecaying {
        id: String,
        peer: String,
    },
    CloseDecaying {
        id: String,
    },
    Batch {
        cmds: Vec<QueueOp>,
    },
    Advance {
        #[serde(default)]
        ms: u64,
        #[serde(default)]
        late: bool,
    },
    Trim {},
    ForceTrim {},
    CheckLimit {
        #[serde(default)]
        n: u64,
    },
    Info {},
    Close {},
}

/// Fields of this header that the one of resource management does not have.
const OWN: [&str; 5] = ["low", "high", "grace_ms", "silence_ms", "resolution_ms"];

/// Whether a file is a script of a connection manager: its header has marks and periods. Scripts
/// of resource management have limits there.
///
/// # Errors
/// It cannot be read, or does not begin with an object.
pub fn is_script(path: &Path) -> Result<bool, ScriptError> {
    let mut lines = Lines::open(path)?;
    if !lines.advance()? {
        return Err(lines.error(Fault::NoHeader));
    }
    let header: serde_json::Map<String, serde_json::Value> = lines.parse()?;
    Ok(!header.contains_key("base") && OWN.iter().any(|field| header.contains_key(*field)))
}
