//! How many connections a node keeps: marks that are derived from its hard limits.

use rcmgr_core::{Limit, Limits, Resource, ScopeLimit};

use crate::round::Stretch;

/// Bytes of memory for which one connection is kept where the limits bound no connections: 1 MiB,
/// as Kubo has it for inbound ones.
const MEMORY_PER_CONNECTION: u64 = 1 << 20;

/// What the limits do not say of the share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShareSettings {
    /// The soft share; by default it is derived.
    pub soft: Option<u32>,
    /// The low mark; by default it is derived.
    pub low: Option<u32>,
    /// Whether every transport uses a file descriptor for each connection, so that the limit of
    /// descriptors is one of connections. It is not if there is QUIC.
    pub descriptor_each: bool,
    /// The soft limit of open files of the process. Used, like `memory`, only where the limits
    /// bound no connections.
    pub descriptors: Option<u64>,
    /// The bytes of memory that the node may use.
    pub memory: Option<u64>,
}

/// How many connections a node keeps, by count: above the soft share somebody has to go, and a
/// round of regulation goes down to the low mark. Both follow from the hard limit, at which the
/// engine refuses.
///
/// | mark | is by default |
/// |---|---|
/// | hard limit | the least limit of the system scope: connections; inbound and outbound ones together; descriptors, if each connection uses one |
/// | soft share | 80 percent of the hard limit |
/// | low mark | 90 percent of the soft share, at least 1 |
/// | stretch | an eighth above the soft share, within half of what is left to the hard limit; without one, the soft share |
///
/// If the limits bound no connections, there is no hard limit. The soft share is then half of the
/// descriptors, or one for each MiB of memory, whichever is less, at least 1: of those that the
/// limits or the host allow, whichever is less.
///
/// The low mark is close to the soft share, since large batches of closings bring large batches of
/// redials (go-libp2p-connmgr issue 19).
///
/// Connections that the allowlist admitted to scopes of its own are under limits of their own and
/// not in this share.
///
/// ```
/// use rcmgr_connmgr::{Share, ShareSettings};
/// use rcmgr_core::{Limit, Limits};
///
/// let mut limits = Limits::default();
/// limits.system.connections = Limit::new(1000);
/// let share = Share::derive(&limits, &ShareSettings::default())?;
/// assert_eq!((share.hard(), share.soft(), share.low()), (Some(1000), 800, 720));
/// # Ok::<(), rcmgr_connmgr::ShareError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    hard: Option<u32>,
    soft: u32,
    low: u32,
}

/// Marks that contradict the limits or one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ShareError {
    /// The soft share leaves too little below the hard limit.
    #[error(
        "the soft share of {soft} connections leaves less than {reserve} of the limit of {hard} \
         to those that are being opened; lower the share to {most}, or raise the limit"
    )]
    SoftTooHigh {
        /// The soft share.
        soft: u32,
        /// The highest one that the limit leaves room for.
        most: u32,
        /// The hard limit.
        hard: u32,
        /// What has to stay free below it.
        reserve: u32,
    },
    /// The low mark is above the soft share.
    #[error(
        "the low mark {low} is above the soft share {soft}; lower the mark, or raise the share"
    )]
    LowAboveSoft {
        /// The low mark.
        low: u32,
        /// The soft share.
        soft: u32,
    },
    /// A mark of 0, which closes every connection.
    #[error("{0} is 0, which would close every connection; leave it out to have it derived")]
    Zero(&'static str),
    /// The limits admit too few connections.
    #[error(
        "the limit of {hard} connections leaves none to keep beside one that is being opened; \
         raise it to 2 or more"
    )]
    NoRoom {
        /// The hard limit.
        hard: u32,
    },
    /// Nothing bounds the number of connections.
    #[error(
        "neither limits nor the host bound the number of connections; limit those of the system, \
         or set the soft share"
    )]
    Unbounded,
}

impl Share {
    /// The share that follows from `limits`. Call it again with each new snapshot of the limits,
    /// and keep the share there was if it is an error.
    ///
    /// A soft share that was set has to leave room for connections that are being opened, which the
    /// system scope counts too: as many as the transient scope admits, but at least 1 and at most a
    /// fifth of the hard limit, which is what a derived one leaves.
    ///
    /// # Errors
    /// Settings that contradict the limits or one another, and limits that no share can be derived
    /// from. Limits that admit no connection at all give a share of 0, if none was set.
    pub fn derive(limits: &Limits, settings: &ShareSettings) -> Result<Share, ShareError> {
        let hard = ceiling(&limits.system, settings.descriptor_each);
        let soft = match (settings.soft, hard) {
            (Some(0), _) => return Err(ShareError::Zero("the soft share")),
            (Some(soft), None) => soft.min(capacity()),
            (Some(_), Some(hard @ (0 | 1))) | (None, Some(hard @ 1)) => {
                return Err(ShareError::NoRoom { hard });
            }
            (Some(soft), Some(hard)) => {
                let transient = ceiling(&limits.transient, settings.descriptor_each);
                let reserve = transient.unwrap_or(u32::MAX).min(hard / 5).max(1);
                let most = hard - reserve;
                if soft > most {
                    return Err(ShareError::SoftTooHigh { soft, most, hard, reserve });
                }
                soft
            }
            (None, Some(hard)) => percent(hard, 80),
            (None, None) => of_the_host(&limits.system, settings).ok_or(ShareError::Unbounded)?,
        };
        let low = match settings.low {
            Some(0) => return Err(ShareError::Zero("the low mark")),
            Some(low) if low > soft => return Err(ShareError::LowAboveSoft { low, soft }),
            Some(low) => low,
            None => percent(soft, 90).max(soft.min(1)),
        };
        Ok(Share { hard, soft, low })
    }

    /// Where the engine refuses; `None` if the limits bound no connections.
    pub const fn hard(self) -> Option<u32> {
        self.hard
    }

    /// Above this many somebody has to go.
    pub const fn soft(self) -> u32 {
        self.soft
    }

    /// How many a round of regulation leaves.
    pub const fn low(self) -> u32 {
        self.low
    }

    /// Up to how many a round leaves if they were of use lately and nothing presses: going down to the
    /// low mark makes rounds rare, and is no reason to close what will be dialled again. Beside them
    /// newcomers have the room between low mark and share.
    pub fn stretch(self) -> Stretch {
        let room = self.hard.map_or(0, |hard| hard.saturating_sub(self.soft) / 2);
        let most = self.soft.saturating_add(room.min(self.soft / 8));
        Stretch { most, beside: self.soft.saturating_sub(self.low) }
    }

    /// The same for a node under pressure: a soft share of at most `soft`, and a low mark that is
    /// lower in proportion.
    #[must_use]
    pub fn shrunk_to(self, soft: u32) -> Share {
        if soft >= self.soft {
            return self;
        }
        // Both are below `self.soft`, which is not 0 here, so the quotient fits.
        let low = u64::from(self.low) * u64::from(soft) / u64::from(self.soft);
        Share { soft, low: (low as u32).max(soft.min(1)), ..self }
    }
}

/// The most connections that a scope admits; `None` for any number.
fn ceiling(scope: &ScopeLimit, descriptor_each: bool) -> Option<u32> {
    let directions =
        scope.connections_inbound.get().saturating_add(scope.connections_outbound.get());
    let descriptors = if descriptor_each { scope.file_descriptors } else { Limit::UNLIMITED };
    let least = scope.connections.min(Limit::new(directions)).min(descriptors);
    bounded(least).map(count)
}

/// The share of a host whose limits bound no connections.
fn of_the_host(system: &ScopeLimit, settings: &ShareSettings) -> Option<u32> {
    let both = |limit, host: Option<u64>| bounded(limit).into_iter().chain(host).min();
    let descriptors = both(system.file_descriptors, settings.descriptors).map(|all| all / 2);
    let memory = both(system.memory, settings.memory).map(|bytes| bytes / MEMORY_PER_CONNECTION);
    descriptors.into_iter().chain(memory).min().map(|share| count(share).max(1))
}

fn bounded(limit: Limit) -> Option<u64> {
    (!limit.is_unlimited()).then_some(limit.get())
}

/// A number of connections, which the engine cannot count beyond its capacity.
fn count(connections: u64) -> u32 {
    u32::try_from(connections).map_or(capacity(), |connections| connections.min(capacity()))
}

fn capacity() -> u32 {
    u32::try_from(Resource::Connections.capacity()).unwrap_or(u32::MAX)
}

fn percent(of: u32, percent: u32) -> u32 {
    // At most `of`.
    (u64::from(of) * u64::from(percent) / 100) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(connections: u64, inbound: u64, outbound: u64, descriptors: u64) -> Limits {
        let mut limits = Limits::default();
        limits.system.connections = Limit::new(connections);
        limits.system.connections_inbound = Limit::new(inbound);
        limits.system.connections_outbound = Limit::new(outbound);
        limits.system.file_descriptors = Limit::new(descriptors);
        limits
    }

    const ANY: u64 = u64::MAX;

    fn derived(limits: &Limits) -> (Option<u32>, u32, u32) {
        let share = Share::derive(limits, &ShareSettings::default()).unwrap();
        (share.hard(), share.soft(), share.low())
    }

    #[test]
    fn the_least_limit_of_the_system_is_the_hard_one() {
        assert_eq!(derived(&limits(1000, ANY, ANY, ANY)), (Some(1000), 800, 720));
        assert_eq!(derived(&limits(1000, 300, 200, ANY)), (Some(500), 400, 360));
        assert_eq!(derived(&limits(1000, 300, ANY, 10)), (Some(1000), 800, 720));

        let each = ShareSettings { descriptor_each: true, ..ShareSettings::default() };
        let share = Share::derive(&limits(1000, 300, ANY, 10), &each).unwrap();
        assert_eq!((share.hard(), share.soft(), share.low()), (Some(10), 8, 7));
    }

    #[test]
    fn small_limits_keep_a_connection_if_they_admit_two() {
        assert_eq!(derived(&limits(2, ANY, ANY, ANY)), (Some(2), 1, 1));
        assert_eq!(derived(&limits(3, ANY, ANY, ANY)), (Some(3), 2, 1));
        assert_eq!(derived(&limits(0, ANY, ANY, ANY)), (Some(0), 0, 0));

        let refused = |hard: u32, soft| {
            let settings = ShareSettings { soft, ..ShareSettings::default() };
            Share::derive(&limits(hard.into(), ANY, ANY, ANY), &settings).unwrap_err()
        };
        for (hard, soft) in [(1, None), (1, Some(1)), (0, Some(1))] {
            assert_eq!(refused(hard, soft), ShareError::NoRoom { hard });
        }
    }

    #[test]
    fn without_a_limit_the_host_decides() {
        let host = |descriptors, memory| {
            let settings = ShareSettings { descriptors, memory, ..ShareSettings::default() };
            Share::derive(&Limits::default(), &settings).map(|share| (share.hard(), share.soft()))
        };
        assert_eq!(host(Some(1024), None), Ok((None, 512)));
        assert_eq!(host(Some(1024), Some(256 << 20)), Ok((None, 256)));
        assert_eq!(host(None, Some(5)), Ok((None, 1)));
        assert_eq!(host(None, None), Err(ShareError::Unbounded));

        let mut limits = Limits::default();
        limits.system.memory = Limit::new(64 << 20);
        assert_eq!(derived(&limits), (None, 64, 57));
    }

    #[test]
    fn a_share_has_to_leave_room_for_connections_that_are_being_opened() {
        let with = |limits: &Limits, soft| {
            let settings = ShareSettings { soft: Some(soft), ..ShareSettings::default() };
            Share::derive(limits, &settings).map(Share::soft)
        };
        let mut limits = limits(1000, ANY, ANY, ANY);
        assert_eq!(with(&limits, 800), Ok(800));
        let refused = with(&limits, 801).unwrap_err();
        assert_eq!(
            refused,
            ShareError::SoftTooHigh { soft: 801, most: 800, hard: 1000, reserve: 200 }
        );
        assert_eq!(
            refused.to_string(),
            "the soft share of 801 connections leaves less than 200 of the limit of 1000 to those \
             that are being opened; lower the share to 800, or raise the limit"
        );

        limits.transient.connections = Limit::new(64);
        assert_eq!(with(&limits, 936), Ok(936));
        assert!(with(&limits, 937).is_err());
        limits.transient.connections = Limit::BLOCK_ALL;
        assert_eq!(with(&limits, 999), Ok(999));
        assert!(with(&limits, 1000).is_err());
    }

    #[test]
    fn marks_that_contradict_each_other_are_refused() {
        let with = |soft, low| {
            let settings = ShareSettings { soft, low, ..ShareSettings::default() };
            Share::derive(&limits(1000, ANY, ANY, ANY), &settings).map(|share| share.low())
        };
        assert_eq!(with(Some(500), Some(500)), Ok(500));
        assert_eq!(with(None, Some(801)), Err(ShareError::LowAboveSoft { low: 801, soft: 800 }));
        assert_eq!(with(Some(0), None), Err(ShareError::Zero("the soft share")));
        assert_eq!(with(None, Some(0)), Err(ShareError::Zero("the low mark")));
    }

    #[test]
    fn the_stretch_is_an_eighth_of_the_share_within_half_of_the_room_above() {
        let stretch = |soft, limits| {
            let settings = ShareSettings { soft, ..ShareSettings::default() };
            let Stretch { most, beside } = Share::derive(&limits, &settings).unwrap().stretch();
            (most, beside)
        };
        assert_eq!(stretch(None, limits(500, ANY, ANY, ANY)), (450, 40));
        assert_eq!(stretch(Some(80), limits(500, ANY, ANY, ANY)), (90, 8));
        assert_eq!(stretch(Some(80), Limits::default()), (80, 8));
    }

    #[test]
    fn pressure_lowers_both_marks_and_never_raises_them() {
        let share = Share::derive(&limits(1000, ANY, ANY, ANY), &ShareSettings::default()).unwrap();
        let marks = |soft| {
            let shrunk = share.shrunk_to(soft);
            (shrunk.hard(), shrunk.soft(), shrunk.low())
        };
        assert_eq!(marks(400), (Some(1000), 400, 360));
        assert_eq!(marks(1), (Some(1000), 1, 1));
        assert_eq!(marks(0), (Some(1000), 0, 0));
        assert_eq!(marks(900), (Some(1000), 800, 720));
    }

    proptest! {
        #[test]
        fn what_is_derived_is_in_order_and_would_be_accepted_if_it_were_set(
            numbers in prop::array::uniform6(prop_oneof![0u64..40, any::<u64>(), Just(u64::MAX)]),
            descriptor_each: bool,
        ) {
            let [connections, inbound, outbound, descriptors, transient, host] = numbers;
            let mut limits = limits(connections, inbound, outbound, descriptors);
            limits.transient.connections = Limit::new(transient);
            let settings = ShareSettings {
                descriptor_each,
                descriptors: Some(host),
                memory: Some(host),
                ..ShareSettings::default()
            };
            let share = match Share::derive(&limits, &settings) {
                Ok(share) => share,
                Err(error) => {
                    prop_assert_eq!(error, ShareError::NoRoom { hard: 1 });
                    return Ok(());
                }
            };
            prop_assert!(share.low() <= share.soft());
            prop_assert_eq!(share.low() == 0, share.soft() == 0);
            if share.soft() == 0 {
                prop_assert_eq!(share.hard(), Some(0));
                return Ok(());
            }
            prop_assert!(share.hard().is_none_or(|hard| share.soft() < hard));
            let soft = Some(share.soft());
            let low = Some(share.low());
            let again = Share::derive(&limits, &ShareSettings { soft, low, ..settings });
            prop_assert_eq!(again, Ok(share));
        }
    }
}
