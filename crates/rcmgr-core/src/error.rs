//! Why an operation failed. Errors are values: making one allocates nothing, save where the
//! scope that refuses does not exist yet and its key has to be copied.

use core::fmt;
use core::time::Duration;

use ipnet::IpNet;

use crate::{Priority, Resource, ScopeId};

/// A scope had no room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The first scope, in the order of checking, that had no room.
    pub scope: ScopeId,
    /// What it had no room for.
    pub resource: Resource,
    /// What it held at that moment, in bytes or by count.
    pub used: u64,
    /// What was asked for beyond that.
    pub requested: u64,
    /// The limit in force. For memory, `priority` says how much of it was open to this request.
    pub limit: u64,
    /// The priority of the request; it matters for memory only.
    pub priority: Priority,
}

impl Refusal {
    /// A refusal of a request at [`Priority::ALWAYS`], for those who implement
    /// [`Accounting`](crate::Accounting) themselves.
    pub fn new(scope: ScopeId, resource: Resource, used: u64, requested: u64, limit: u64) -> Self {
        Refusal { scope, resource, used, requested, limit, priority: Priority::ALWAYS }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Refusal { scope, resource, used, requested, limit, priority } = self;
        write!(f, "{scope} has no room for {requested} more {resource}: {used} of {limit} in use")?;
        if *resource == Resource::Memory && *priority != Priority::ALWAYS {
            let open = priority.threshold(*limit);
            write!(f, ", {open} open to priority {}", priority.0)?;
        }
        Ok(())
    }
}

/// Which rate had no room for another connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RateRule {
    /// The rate of all connections.
    Global,
    /// The rate of connections without an address.
    WithoutIp,
    /// The rate of a network, or of a subnet.
    Network(IpNet),
}

impl fmt::Display for RateRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RateRule::Global => f.write_str("all connections"),
            RateRule::WithoutIp => f.write_str("connections without an address"),
            RateRule::Network(network) => write!(f, "connections of network {network}"),
        }
    }
}

/// A connection came too early for a rate of [`ConnectionRates`](crate::ConnectionRates).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimited {
    /// The first rate, in the order of checking, that had no room.
    pub rule: RateRule,
    /// When it will have room again if nobody else takes it; [`Duration::MAX`] for never.
    pub retry_after: Duration,
}

impl RateLimited {
    /// For those who implement [`Accounting`](crate::Accounting) themselves.
    pub fn new(rule: RateRule, retry_after: Duration) -> Self {
        RateLimited { rule, retry_after }
    }
}

impl fmt::Display for RateLimited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_after {
            Duration::MAX => write!(f, "{} are blocked", self.rule),
            wait => write!(f, "{} come too fast: the next may in {wait:.1?}", self.rule),
        }
    }
}

/// Why an operation failed. Whatever failed has left no trace in any counter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A scope had no room under its limit.
    #[error("{0}")]
    Refused(Refusal),
    /// A connection came too early.
    #[error("{0}")]
    RateLimited(RateLimited),
    /// The machine is short of memory, and the reservation's priority is below the one that
    /// [`ResourceManager::require_priority`](crate::ResourceManager::require_priority) asks for.
    /// No scope was asked whether it has room.
    #[error(
        "the machine is short of memory: a reservation of it needs priority {} for now, and this \
         one has {}; try again later, or do without", required.0, asked.0
    )]
    MemoryPressure {
        /// The priority of the reservation.
        asked: Priority,
        /// The least that is admitted.
        required: Priority,
    },
    /// A counter cannot represent the sum, although the limits would admit it.
    #[error("the counter of {resource} of {scope} cannot hold that much")]
    Capacity {
        /// The scope whose counter is full.
        scope: ScopeId,
        /// What it counts.
        resource: Resource,
    },
    /// The scope, or one that it belongs to, is closed.
    #[error("{scope} is closed")]
    Closed {
        /// The closed scope.
        scope: ScopeId,
    },
    /// The connection has its peer, or the stream its protocol or service, already.
    #[error("{scope} is attached already")]
    AlreadyAttached {
        /// The connection or stream.
        scope: ScopeId,
    },
    /// Another call moves this connection or stream at this moment, and may yet be refused, or has
    /// just moved it. Trying again shows which.
    #[error("{scope} is being moved by another call")]
    MoveUnderWay {
        /// The connection or stream.
        scope: ScopeId,
    },
    /// A stream takes its service after its protocol.
    #[error("{scope} has no protocol yet")]
    NoProtocol {
        /// The stream.
        scope: ScopeId,
    },
    /// Connections, streams and spans under them reserve memory only.
    #[error("{scope} reserves memory only")]
    MemoryOnly {
        /// The connection, stream or span.
        scope: ScopeId,
    },
    /// A release of more than is held; nothing was released.
    #[error("{scope} does not hold as much as was to be released")]
    NotHeld {
        /// The ledger, or the scope of the reservation.
        scope: ScopeId,
    },
    /// Spans are nested too deep; [`MAX_SPAN_DEPTH`](crate::MAX_SPAN_DEPTH) is the bound.
    #[error("{scope} is nested too deep to hold another span")]
    TooDeep {
        /// The span at the bound.
        scope: ScopeId,
    },
}

impl Error {
    /// Whether the same call may succeed later without a change of limits: when others release,
    /// when the call that is in the way has ended, or when the machine has memory again.
    ///
    /// ```
    /// # use rcmgr_core::*;
    /// let mut limits = Limits::default();
    /// limits.system.memory = Limit::new(10);
    /// let manager = ResourceManager::new(limits);
    /// let system = manager.system();
    /// let held = system.reserve_memory(10, Priority::ALWAYS)?;
    /// let refused = |bytes| system.reserve_memory(bytes, Priority::ALWAYS).unwrap_err();
    /// assert!(refused(1).may_succeed_later());
    /// assert!(!refused(11).may_succeed_later());
    /// # drop(held);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn may_succeed_later(&self) -> bool {
        match self {
            Error::Refused(refusal) => {
                let open = match refusal.resource {
                    Resource::Memory => refusal.priority.threshold(refusal.limit),
                    _ => refusal.limit,
                };
                refusal.requested <= open
            }
            Error::RateLimited(refusal) => refusal.retry_after != Duration::MAX,
            Error::MoveUnderWay { .. } => true,
            Error::MemoryPressure { .. } => true,
            // Which part of the sum was others' is not known; the field may have room again.
            Error::Capacity { .. } => true,
            Error::Closed { .. }
            | Error::AlreadyAttached { .. }
            | Error::NoProtocol { .. }
            | Error::MemoryOnly { .. }
            | Error::NotHeld { .. }
            | Error::TooDeep { .. } => false,
        }
    }

    /// The refusal, when this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The same refusal, by a scope that counts so much of what was asked for already.
    pub(crate) fn of_more(mut self, bytes: u64) -> Error {
        if let Error::Refused(refusal) = &mut self {
            refusal.requested = bytes;
        }
        self
    }

    /// The scope that the error is about. Rates and the shortage of memory are not of a scope, so
    /// they give the system.
    pub fn scope(&self) -> &ScopeId {
        static SYSTEM: ScopeId = ScopeId::System;
        match self {
            Error::RateLimited(_) | Error::MemoryPressure { .. } => &SYSTEM,
            Error::Refused(Refusal { scope, .. })
            | Error::Capacity { scope, .. }
            | Error::Closed { scope }
            | Error::AlreadyAttached { scope }
            | Error::MoveUnderWay { scope }
            | Error::NoProtocol { scope }
            | Error::MemoryOnly { scope }
            | Error::NotHeld { scope }
            | Error::TooDeep { scope } => scope,
        }
    }
}
