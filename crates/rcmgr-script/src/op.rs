//! The operations of a script.

use rcmgr_config::libp2p::{BaseLimit, BaseLimits, PartialLimits};
use serde::{Deserialize, Serialize};

use crate::numbers::Size;
use crate::{Allowed, Dir, Endpoint, Id, Much, ScopeName, Source};

/// One operation. Those from [`Op::View`] on are ours; go-libp2p has nothing like them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Opens a connection whose peer is not known yet.
    OpenConn {
        /// The connection.
        id: Id,
        /// Who opens it.
        dir: Dir,
        /// Whether it uses a file descriptor.
        usefd: bool,
        /// The address of the remote party.
        endpoint: Endpoint,
    },
    /// Attaches a connection to its peer.
    SetPeer {
        /// The connection.
        id: Id,
        /// The peer.
        peer: String,
    },
    /// Opens a stream whose protocol is not known yet.
    OpenStream {
        /// The stream.
        id: Id,
        /// The peer that it is of.
        peer: String,
        /// Who opens it.
        dir: Dir,
    },
    /// Attaches a stream to its protocol.
    SetProtocol {
        /// The stream.
        id: Id,
        /// The protocol.
        proto: String,
        /// Ours: through a handle to the protocol's scope.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        by_view: bool,
    },
    /// Attaches a stream with a protocol to a service.
    SetService {
        /// The stream.
        id: Id,
        /// The service.
        svc: String,
        /// Ours: through a handle to the service's scope.
        #[serde(default, skip_serializing_if = "core::ops::Not::not")]
        by_view: bool,
    },
    /// Reserves memory, to be released by [`Op::Release`] on the same scope.
    Reserve {
        /// From where.
        scope: ScopeName,
        /// How many bytes.
        size: Size,
        /// The priority.
        prio: u8,
    },
    /// Releases memory that was reserved on the same scope.
    Release {
        /// From where.
        scope: ScopeName,
        /// How many bytes.
        size: Size,
    },
    /// Begins a span.
    BeginSpan {
        /// The span.
        id: Id,
        /// Of which scope.
        of: ScopeName,
    },
    /// Closes what an operation has made.
    Done {
        /// What.
        id: Id,
    },
    /// Sets the limit of one scope.
    SetLimit {
        /// The scope.
        scope: ScopeName,
        /// The limit, complete.
        limit: BaseLimit,
    },
    /// Collects idle names.
    Gc {},
    /// Lets time pass.
    Advance {
        /// How many milliseconds.
        ms: u64,
    },
    /// Asks whether the source of a datagram should be verified.
    VerifySource {
        /// The source.
        addr: Source,
    },
    /// Adds an entry to the allowlist.
    AllowAdd {
        /// The entry.
        addr: Allowed,
    },
    /// Removes an entry from the allowlist.
    AllowRemove {
        /// The entry.
        addr: Allowed,
    },
    /// Tells what every scope holds.
    Stat {},

    /// Takes hold of a shared scope, which is not collected until [`Op::Done`].
    View {
        /// The handle.
        id: Id,
        /// To which scope.
        scope: ScopeName,
    },
    /// Begins a ledger.
    Ledger {
        /// The ledger.
        id: Id,
        /// Of which scope.
        of: ScopeName,
    },
    /// Reserves memory that has a name of its own.
    Hold {
        /// The reservation.
        id: Id,
        /// From where.
        scope: ScopeName,
        /// How many bytes.
        size: u64,
        /// The priority.
        prio: u8,
    },
    /// Reserves several resources at once, from a shared scope or a span.
    HoldAmount {
        /// The reservation.
        id: Id,
        /// From where.
        scope: ScopeName,
        /// How much.
        amount: Much,
        /// The priority.
        prio: u8,
    },
    /// Reserves several resources, splits, shrinks and merges what borrows its scope, and releases
    /// it.
    HoldBriefly {
        /// From where: a shared scope or a span.
        scope: ScopeName,
        /// How much.
        amount: Much,
        /// The priority.
        prio: u8,
    },
    /// Reserves more in a reservation, or through a ledger.
    Grow {
        /// The reservation or ledger.
        id: Id,
        /// How much more.
        amount: Much,
        /// The priority.
        prio: u8,
    },
    /// Releases a part of a reservation, or through a ledger.
    Shrink {
        /// The reservation or ledger.
        id: Id,
        /// How much less.
        amount: Much,
    },
    /// Takes a part of a reservation out into one of its own.
    Split {
        /// The new reservation.
        id: Id,
        /// Out of which.
        from: Id,
        /// How much.
        amount: Much,
    },
    /// Merges a reservation into another of the same scope.
    Merge {
        /// The one that stays.
        into: Id,
        /// The one that is gone afterwards.
        from: Id,
    },
    /// Clears the limit that was set on one scope.
    ClearLimit {
        /// The scope.
        scope: ScopeName,
    },
    /// Replaces all limits but those of addresses, and but those that were set on single scopes.
    SetLimits {
        /// Complete limits of every class.
        base: Box<BaseLimits>,
        /// What is applied over them.
        #[serde(default)]
        limits: Box<PartialLimits>,
    },
}
