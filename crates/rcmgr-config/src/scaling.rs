//! Limits that grow with what a node is given: so much at least, and so much more for each GiB of
//! memory.

use std::collections::BTreeMap;

use rcmgr_core::{Limit, Limits, ScopeLimit};

use crate::{Ratio, Subject};

/// A node that is given more than this is given more than the base. 128 MiB, as in go-libp2p.
const SMALL: u64 = 128 << 20;

/// What is added to the limits of a scope for each GiB of memory that the node is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Increase {
    /// Bytes of memory.
    pub memory: u64,
    /// Streams that remote parties opened.
    pub streams_inbound: u64,
    /// Streams that this node opened.
    pub streams_outbound: u64,
    /// Streams of both directions together.
    pub streams: u64,
    /// Connections that remote parties opened.
    pub connections_inbound: u64,
    /// Connections that this node opened.
    pub connections_outbound: u64,
    /// Connections of both directions together.
    pub connections: u64,
    /// The part of the node's descriptors that the scope may have instead of its base, where that
    /// is more.
    pub file_descriptors: Option<Ratio>,
}

/// The limits of a scope on a machine of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeScaling {
    /// The limits at least.
    pub base: ScopeLimit,
    /// What is added to them.
    pub increase: Increase,
}

impl ScopeScaling {
    /// The limits of a node that is given so many bytes of memory and so many descriptors.
    ///
    /// As go-libp2p has it, memory counts by whole MiB, 128 MiB and less count as none, and each
    /// increase is rounded down. A limit of 2^64-1 or more is [`Limit::UNLIMITED`]; go-libp2p
    /// overflows there.
    pub fn scale(&self, memory: u64, descriptors: u64) -> ScopeLimit {
        let mebibytes = if memory > SMALL { memory >> 20 } else { 0 };
        let grown = |base: Limit, increase: u64| {
            let more = (u128::from(increase) * u128::from(mebibytes)) >> 10;
            let limit = u128::from(base.get()) + more;
            u64::try_from(limit).map_or(Limit::UNLIMITED, Limit::new)
        };
        let ScopeScaling { base, increase } = self;
        let share = increase.file_descriptors.map_or(0, |ratio| ratio.of(descriptors));
        ScopeLimit {
            memory: grown(base.memory, increase.memory),
            streams_inbound: grown(base.streams_inbound, increase.streams_inbound),
            streams_outbound: grown(base.streams_outbound, increase.streams_outbound),
            streams: grown(base.streams, increase.streams),
            connections_inbound: grown(base.connections_inbound, increase.connections_inbound),
            connections_outbound: grown(base.connections_outbound, increase.connections_outbound),
            connections: grown(base.connections, increase.connections),
            file_descriptors: base.file_descriptors.max(Limit::new(share)),
            ..*base
        }
    }
}

/// The limits of every scope on a machine of any size: of each class, and of names that have their
/// own. A class that is not among them is unlimited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scaling(pub BTreeMap<Subject, ScopeScaling>);

impl Scaling {
    /// The limits of a node that is given so many bytes of memory and so many descriptors. What is
    /// limited beside the scopes is as in [`Limits::default`].
    ///
    /// ```
    /// use rcmgr_config::libp2p;
    ///
    /// let limits = libp2p::defaults().scale(1 << 30, 2048);
    /// assert_eq!(limits.system.connections_inbound.get(), 128);
    /// assert_eq!(limits.system.file_descriptors.get(), 2048);
    /// assert_eq!(limits.services["libp2p.ping"].streams.get(), 128);
    /// ```
    pub fn scale(&self, memory: u64, descriptors: u64) -> Limits {
        let mut limits = Limits::default();
        for (subject, scope) in &self.0 {
            subject.set(&mut limits, scope.scale(memory, descriptors));
        }
        limits
    }
}
