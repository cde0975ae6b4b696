//! How a script names scopes.

use core::fmt;
use std::sync::Arc;

use rcmgr_core::ScopeId;
use serde::{Deserialize, Serialize};

/// The longest identifier or name; remote parties choose longer ones, scripts need not.
const LONGEST: usize = 1024;

/// The name that a script gives to what one of its operations makes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(Arc<str>);

impl Id {
    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// Nothing at all.
    #[error("an id is not empty")]
    Empty,
    /// Longer than any name that means something.
    #[error("a name has at most {LONGEST} bytes")]
    TooLong,
    /// A shared scope, where something of the script's own is to be named.
    #[error("{0:?} is the name of a shared scope; an id is another")]
    Shared(String),
}

impl TryFrom<String> for Id {
    type Error = BadName;

    fn try_from(text: String) -> Result<Id, BadName> {
        match ScopeName::try_from(text)? {
            ScopeName::Id(id) => Ok(id),
            shared => Err(BadName::Shared(shared.to_string())),
        }
    }
}

impl TryFrom<&str> for Id {
    type Error = BadName;

    fn try_from(text: &str) -> Result<Id, BadName> {
        text.to_owned().try_into()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> String {
        id.0.as_ref().into()
    }
}

/// A scope that an operation works on: a shared one, or what a script's operation has made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ScopeName {
    /// A shared scope.
    Shared(Shared),
    /// What the script has made.
    Id(Id),
}

/// A shared scope.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "they are those of `rcmgr_core::ScopeId`")]
pub enum Shared {
    System,
    Transient,
    AllowlistedSystem,
    AllowlistedTransient,
    Service(Arc<str>),
    Protocol(Arc<str>),
    Peer(Arc<str>),
}

impl Shared {
    /// The manager's name of it.
    pub fn id(&self) -> ScopeId {
        match self {
            Shared::System => ScopeId::System,
            Shared::Transient => ScopeId::Transient,
            Shared::AllowlistedSystem => ScopeId::AllowlistedSystem,
            Shared::AllowlistedTransient => ScopeId::AllowlistedTransient,
            Shared::Service(name) => ScopeId::Service(name.clone()),
            Shared::Protocol(name) => ScopeId::Protocol(name.clone()),
            Shared::Peer(name) => ScopeId::Peer(name.as_bytes().into()),
        }
    }
}

impl TryFrom<String> for ScopeName {
    type Error = BadName;

    fn try_from(text: String) -> Result<ScopeName, BadName> {
        if text.len() > LONGEST {
            return Err(BadName::TooLong);
        }
        let shared = match text.as_str() {
            "" => return Err(BadName::Empty),
            "system" => Shared::System,
            "transient" => Shared::Transient,
            "allowlisted_system" => Shared::AllowlistedSystem,
            "allowlisted_transient" => Shared::AllowlistedTransient,
            other => match other.split_once(':') {
                Some(("service", name)) => Shared::Service(name.into()),
                Some(("protocol", name)) => Shared::Protocol(name.into()),
                Some(("peer", name)) => Shared::Peer(name.into()),
                _ => return Ok(ScopeName::Id(Id(text.into()))),
            },
        };
        Ok(ScopeName::Shared(shared))
    }
}

impl fmt::Display for ScopeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScopeName::Shared(shared) => f.write_str(&shared_name(&shared.id())),
            ScopeName::Id(id) => id.fmt(f),
        }
    }
}

impl From<ScopeName> for String {
    fn from(name: ScopeName) -> String {
        name.to_string()
    }
}

/// A script's name of a shared scope: `peer:p`, `protocol:/a/1/peer:p`. For what is not shared, it is
/// the name of its kind.
pub fn shared_name(id: &ScopeId) -> String {
    let text = |key: &[u8]| String::from_utf8_lossy(key).into_owned();
    match id {
        ScopeId::Service(name) => format!("service:{name}"),
        ScopeId::Protocol(name) => format!("protocol:{name}"),
        ScopeId::Peer(key) => format!("peer:{}", text(key)),
        ScopeId::PeerService { peer, service } => format!("service:{service}/peer:{}", text(peer)),
        ScopeId::PeerProtocol { peer, protocol } => {
            format!("protocol:{protocol}/peer:{}", text(peer))
        }
        other => other.kind().into(),
    }
}
