//! What a connection is asked before, and beside, its scopes. In this order:
//!
//! 1. how fast connections come ([`ConnectionRates`]);
//! 2. how many its address, or a network around it, has already ([`IpLimits`]);
//! 3. its own limit, transient and system;
//! 4. where these refuse and the allowlist knows its address ([`AllowlistEntry`]), the
//!    allowlisted twins of transient and system.
//!
//! The rules are a part of the snapshot of all limits, and are swapped with it. What is counted by
//! them is kept beside the scopes, and outlives swaps.

mod allowlist;
mod buckets;
mod ip_limits;
mod network;
mod rate;
mod rates;
mod slots;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use self::allowlist::Allowlist;
pub use self::allowlist::AllowlistEntry;
use self::buckets::Buckets;
pub use self::ip_limits::IpLimits;
use self::ip_limits::{IpRules, by_network};
pub use self::rate::{InvalidRate, Rate};
pub use self::rates::ConnectionRates;
use self::rates::RateRules;
pub use self::slots::Held;
use self::slots::Slots;
use crate::error::RateLimited;
use crate::sync::{AtomicWord, Ordering};
use crate::{Error, Limit, Limits};

/// Entries that were allowed, or disallowed, while running.
pub type AllowlistChanges = BTreeMap<AllowlistEntry, bool>;

/// The rules of one snapshot.
#[derive(Debug)]
pub struct Rules {
    made_of: MadeOf,
    ip: IpRules,
    rates: RateRules,
    unverified: RateRules,
    allowlist: Allowlist,
}

/// What rules are made of: as long as it is the same, so are they.
#[derive(Debug)]
struct MadeOf {
    limits: Arc<Limits>,
    changes: Arc<AllowlistChanges>,
    allowlisted: Limit,
}

impl Rules {
    /// The rules of limits. `allowlisted` is the limit in force of all connections that the
    /// allowlist admits, which is also what each of its networks may have.
    pub fn new(
        limits: &Arc<Limits>,
        changes: &Arc<AllowlistChanges>,
        allowlisted: Limit,
        before: Option<&Arc<Rules>>,
    ) -> Arc<Rules> {
        if let Some(before) = before
            && Arc::ptr_eq(&before.made_of.limits, limits)
            && Arc::ptr_eq(&before.made_of.changes, changes)
            && before.made_of.allowlisted == allowlisted
        {
            return before.clone();
        }
        let entries = allowed(limits, changes);
        let networks = entries.iter().filter(|entry| entry.peer.is_none());
        let networks: Vec<_> = networks.map(|entry| (entry.network, allowlisted)).collect();
        let made_of = MadeOf { limits: limits.clone(), changes: changes.clone(), allowlisted };
        Arc::new(Rules {
            ip: IpRules::new(&limits.ip, networks.iter().copied()),
            rates: RateRules::new(&limits.rates, before.map(|rules| &rules.rates)),
            unverified: RateRules::new(
                &unverified(&limits.ip, &networks, limits.rates.max_buckets),
                before.map(|rules| &rules.unverified),
            ),
            allowlist: Allowlist::new(&entries),
            made_of,
        })
    }

    /// The entries that were allowed or disallowed while running.
    pub fn changes(&self) -> &Arc<AllowlistChanges> {
        &self.made_of.changes
    }

    /// The entries of the allowlist in force.
    pub fn allowed(&self) -> BTreeSet<AllowlistEntry> {
        allowed(&self.made_of.limits, &self.made_of.changes)
    }

    /// Whether a connection may be allowed, before its peer is known.
    pub fn may_allow(&self, ip: IpAddr) -> bool {
        self.allowlist.may_allow(ip)
    }

    /// Whether the connections of a peer from an address are allowed.
    pub fn allows(&self, peer: &[u8], ip: IpAddr) -> bool {
        self.allowlist.allows(peer, ip)
    }
}

/// The entries of the limits, without those that were disallowed and with those that were allowed
/// while running.
fn allowed(limits: &Limits, changes: &AllowlistChanges) -> BTreeSet<AllowlistEntry> {
    let mut entries: BTreeSet<_> = limits.allowlist.iter().map(AllowlistEntry::canonical).collect();
    for (entry, allowed) in changes {
        match allowed {
            true => entries.insert(entry.clone()),
            false => entries.remove(entry),
        };
    }
    entries
}

/// How fast an address, or a network, may begin handshakes without proof that it is not spoofed:
/// half of the connections that it may have at once, and one in ten seconds, which is twice what
/// a slow handshake takes. As in go-libp2p.
fn unverified(
    limits: &IpLimits,
    networks: &[(IpNet, Limit)],
    max_buckets: usize,
) -> ConnectionRates {
    let rate = |limit: &Limit| {
        let burst = u32::try_from(limit.get() / 2).unwrap_or(u32::MAX);
        match limit.is_unlimited() {
            true => Rate::UNLIMITED,
            false => Rate::new(0.1, burst).unwrap_or(Rate::BLOCK_ALL),
        }
    };
    let mut by_network: BTreeMap<IpNet, Limit> = by_network(limits);
    for (network, limit) in networks {
        by_network.entry(*network).or_insert(*limit);
    }
    let by_length = |subnets: &BTreeMap<u8, Limit>| {
        subnets.iter().map(|(length, limit)| (*length, rate(limit))).collect()
    };
    ConnectionRates {
        networks: by_network.iter().map(|(network, limit)| (*network, rate(limit))).collect(),
        subnets_v4: by_length(&limits.subnets_v4),
        subnets_v6: by_length(&limits.subnets_v6),
        max_buckets,
        ..ConnectionRates::unlimited()
    }
}

/// What is counted by the rules.
pub struct Tables {
    slots: Slots,
    arrivals: Buckets,
    unverified: Buckets,
    /// The first moment that was given, in nanoseconds and one; 0 until there is one. Buckets
    /// count from it, so that callers may count from whenever they like.
    start: AtomicWord,
}

impl Tables {
    pub fn new() -> Self {
        Tables {
            slots: Slots::new(),
            arrivals: Buckets::new(),
            unverified: Buckets::new(),
            start: AtomicWord::new(0),
        }
    }

    /// A moment, counted from the first one.
    fn since_start(&self, now: Duration) -> Duration {
        let nanoseconds = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX - 1);
        // Relaxed: all that others learn from it is in the word.
        let mut start = self.start.load(Ordering::Relaxed);
        while start == 0 {
            let first = nanoseconds.saturating_add(1);
            start =
                match self.start.compare_exchange(0, first, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => first,
                    Err(there) => there,
                };
        }
        Duration::from_nanos(nanoseconds.saturating_sub(start - 1))
    }

    /// Asks the rates, then the limits by address.
    pub fn admit(
        &self,
        rules: &Rules,
        ip: Option<IpAddr>,
        now: Option<Duration>,
    ) -> Result<Taken<'_>, Error> {
        if let Some(now) = now {
            let now = self.since_start(now);
            rules.rates.admit(ip, now, &self.arrivals).map_err(Error::RateLimited)?;
        }
        let held = match ip {
            Some(ip) => self.slots.take(rules.ip.of(ip))?,
            None => Held::default(),
        };
        Ok(Taken { tables: self, held })
    }

    /// Gives back the slots of a connection, after what it held in scopes.
    pub fn give_back(&self, held: &Held) {
        self.slots.give_back(held);
    }

    /// Asks whether an address may begin a handshake without proof that it is not spoofed.
    pub fn admit_unverified(
        &self,
        rules: &Rules,
        ip: IpAddr,
        now: Duration,
    ) -> Result<(), RateLimited> {
        rules.unverified.admit(Some(ip), self.since_start(now), &self.unverified)
    }

    /// Forgets the buckets that have been full for the grace period; gives their number.
    pub fn forget_idle(&self, rules: &Rules, now: Duration) -> usize {
        let now = self.since_start(now);
        let forget =
            |buckets: &Buckets, rules: &RateRules| buckets.forget_idle(now, rules.bounds().grace);
        forget(&self.arrivals, &rules.rates) + forget(&self.unverified, &rules.unverified)
    }

    /// How many connections each network has that a limit is about.
    pub fn connections_by_network(&self) -> Vec<(IpNet, u64)> {
        self.slots.counts()
    }

    /// How many buckets of subnets there are.
    pub fn buckets(&self) -> usize {
        self.arrivals.len() + self.unverified.len()
    }
}

/// The slots of a connection that is being opened; they are given back unless it is kept.
#[must_use]
pub struct Taken<'t> {
    tables: &'t Tables,
    held: Held,
}

impl Taken<'_> {
    /// The slots, for the connection to give back at its end.
    pub fn keep(mut self) -> Held {
        core::mem::take(&mut self.held)
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.tables.give_back(&self.held);
    }
}
