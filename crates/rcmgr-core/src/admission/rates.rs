//! How fast new connections may come: from all addresses, from a network, from each subnet.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use super::buckets::{Bounds, BucketKey, Buckets};
use super::ip_limits::loopback;
use super::network::{Networks, canonical, subnet};
use super::rate::{Gcra, Rate};
use crate::error::{RateLimited, RateRule};
use crate::sync::{AtomicWord, Ordering};

/// Limits on how fast connections are opened, inbound and outbound together.
///
/// An address that is in some of `networks` is asked of all of these that it is in, and of nothing
/// else. Any other is asked of its subnet of each length of `subnets_v4` or `subnets_v6`, the
/// narrowest first, and then of `global`; a connection without an address, of `without_ip` and
/// `global`. All have to admit it; if one does not, none counts it. An IPv4 address that is mapped
/// into IPv6 counts as IPv4.
///
/// A connection that is admitted here counts even if a scope refuses it afterwards.
///
/// The default is go-libp2p's: loopback is unlimited; each IPv4 address and each IPv6 /56 may open
/// 16 at once and one in five seconds, each IPv6 /48 80 at once and one in two seconds; there is
/// no global rate. Connections without an address, which share one such bucket there, are
/// unlimited here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRates {
    /// Of all connections but those from `networks`.
    pub global: Rate,
    /// Of connections without an address: relayed ones, those in memory.
    pub without_ip: Rate,
    /// Of each given network. They replace the rates by subnet and the global one.
    pub networks: BTreeMap<IpNet, Rate>,
    /// Of each IPv4 subnet, by prefix length; one above 32 counts as 32.
    pub subnets_v4: BTreeMap<u8, Rate>,
    /// Of each IPv6 subnet, by prefix length; one above 128 counts as 128.
    pub subnets_v6: BTreeMap<u8, Rate>,
    /// How long the bucket of a subnet is kept after it is full again; to keep it saves making it
    /// anew.
    pub grace: Duration,
    /// How many buckets of subnets are kept at most.
    ///
    /// Past that, whoever needs a new one makes the manager forget another: of eight that it looks
    /// at in turn, the first that lacks one connection at most, or else the one that would be full
    /// soonest. A subnet whose bucket is forgotten has a full burst again. So who sprays more
    /// subnets than that at once is held by `global` alone, and by wider subnets as long as their
    /// buckets, which owe more, are remembered; cannot make the manager take more memory; and locks
    /// out nobody. While several threads make buckets at once there may be a few more. When the
    /// number is lowered, those above it go as they fill up.
    pub max_buckets: usize,
}

impl ConnectionRates {
    /// The number of buckets of subnets that is kept by default; they take some 16 MiB.
    pub const DEFAULT_MAX_BUCKETS: usize = 1 << 16;
    /// How long a full bucket is kept by default.
    pub const DEFAULT_GRACE: Duration = Duration::from_secs(60);

    /// No limits at all.
    pub const fn unlimited() -> Self {
        ConnectionRates {
            global: Rate::UNLIMITED,
            without_ip: Rate::UNLIMITED,
            networks: BTreeMap::new(),
            subnets_v4: BTreeMap::new(),
            subnets_v6: BTreeMap::new(),
            grace: Self::DEFAULT_GRACE,
            max_buckets: Self::DEFAULT_MAX_BUCKETS,
        }
    }
}

impl Default for ConnectionRates {
    fn default() -> Self {
        const EACH: Rate = match Rate::new(0.2, 16) {
            Ok(rate) => rate,
            Err(_) => Rate::UNLIMITED,
        };
        const WIDE: Rate = match Rate::new(0.5, 80) {
            Ok(rate) => rate,
            Err(_) => Rate::UNLIMITED,
        };
        ConnectionRates {
            networks: loopback().map(|network| (network, Rate::UNLIMITED)).into(),
            subnets_v4: [(32, EACH)].into(),
            subnets_v6: [(48, WIDE), (56, EACH)].into(),
            ..Self::unlimited()
        }
    }
}

/// A rate with the one bucket that goes by it.
#[derive(Clone, Debug)]
struct Rule {
    name: RateRule,
    rate: Rate,
    gcra: Gcra,
    word: Arc<AtomicWord>,
}

/// A rate of which each subnet of a length has a bucket.
#[derive(Debug)]
struct SubnetRule {
    length: u8,
    rate: Rate,
    gcra: Gcra,
}

/// The rates as they are asked. What is unlimited is not among them.
#[derive(Debug)]
pub struct RateRules {
    global: Option<Rule>,
    without_ip: Option<Rule>,
    /// For each network the rules of those that it is in, itself included, narrowest first.
    networks: Networks<Box<[Rule]>>,
    /// Narrowest first, and so for IPv6.
    subnets_v4: Vec<SubnetRule>,
    subnets_v6: Vec<SubnetRule>,
    bounds: Bounds,
}

/// One of the rules that a connection is asked of.
#[derive(Clone, Copy)]
enum Asked<'r> {
    Rule(&'r Rule),
    Subnet(&'r SubnetRule, IpNet),
}

impl RateRules {
    /// The rules of some rates. A rule that was in force before with the same rate keeps its
    /// bucket.
    pub fn new(rates: &ConnectionRates, before: Option<&RateRules>) -> Self {
        let kept = before.into_iter().flat_map(RateRules::rules);
        let kept: HashMap<(RateRule, Rate), &Arc<AtomicWord>> =
            kept.map(|rule| ((rule.name, rule.rate), &rule.word)).collect();
        let rule = |name: RateRule, rate: Rate| {
            let gcra = Gcra::of(rate)?;
            let word = match kept.get(&(name, rate)) {
                Some(word) => Arc::clone(word),
                None => Arc::new(AtomicWord::new(0)),
            };
            Some(Rule { name, rate, gcra, word })
        };
        // Of two that are the same network, the later. A network comes before those within it.
        let given: BTreeMap<IpNet, Rate> =
            rates.networks.iter().map(|(network, rate)| (canonical(*network), *rate)).collect();
        let mut around: Vec<(IpNet, Option<Rule>)> = Vec::new();
        let mut networks = Networks::default();
        for (network, rate) in given {
            while around.last().is_some_and(|(outer, _)| !outer.contains(&network)) {
                around.pop();
            }
            around.push((network, rule(RateRule::Network(network), rate)));
            let asked = around.iter().rev().filter_map(|(_, rule)| rule.clone());
            networks.insert(network, asked.collect());
        }
        let subnets = |rates: &BTreeMap<u8, Rate>| {
            let rule = |(length, rate): (&u8, &Rate)| {
                Some(SubnetRule { length: *length, rate: *rate, gcra: Gcra::of(*rate)? })
            };
            rates.iter().rev().filter_map(rule).collect()
        };
        RateRules {
            global: rule(RateRule::Global, rates.global),
            without_ip: rule(RateRule::WithoutIp, rates.without_ip),
            networks,
            subnets_v4: subnets(&rates.subnets_v4),
            subnets_v6: subnets(&rates.subnets_v6),
            bounds: Bounds { grace: rates.grace, buckets: rates.max_buckets },
        }
    }

    fn rules(&self) -> impl Iterator<Item = &Rule> {
        let networks = self.networks.values().flat_map(|rules| rules.iter());
        self.global.iter().chain(&self.without_ip).chain(networks)
    }

    /// How long the buckets of subnets are kept, and how many.
    pub fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// The rules that a connection is asked of, in this order.
    fn of(&self, ip: Option<IpAddr>) -> impl Iterator<Item = Asked<'_>> + Clone {
        let network = ip.and_then(|ip| self.networks.most_specific(ip));
        let networks = network.map_or(&[][..], |(_, rules)| rules);
        let (subnets, alone): (&[SubnetRule], _) = match (network, ip) {
            (Some(_), _) => (&[], None),
            (None, Some(IpAddr::V4(_))) => (&self.subnets_v4, self.global.as_ref()),
            (None, Some(IpAddr::V6(_))) => (&self.subnets_v6, self.global.as_ref()),
            (None, None) => (&[], self.global.as_ref()),
        };
        let without_ip = self.without_ip.iter().filter(move |_| ip.is_none());
        // Without an address there are no subnets to be asked.
        let subnets = ip.into_iter().flat_map(move |ip| {
            subnets.iter().map(move |rule| Asked::Subnet(rule, subnet(ip, rule.length)))
        });
        subnets.chain(networks.iter().chain(without_ip).chain(alone).map(Asked::Rule))
    }

    /// Counts one connection in all the buckets that it is asked of, or in none.
    ///
    /// All but the last are looked at before any is changed, and the last is changed first, so that
    /// one that is refused by a wide rule has taken nothing from a narrow one, and makes no buckets.
    pub fn admit(
        &self,
        ip: Option<IpAddr>,
        now: Duration,
        buckets: &Buckets,
    ) -> Result<(), RateLimited> {
        let asked = self.of(ip);
        let Some(last) = asked.clone().last() else {
            return Ok(());
        };
        let others = asked.clone().take(asked.count() - 1);
        for other in others.clone() {
            other.look(now, buckets)?;
        }
        last.count(self.bounds, now, buckets)?;
        for (counted, next) in others.clone().enumerate() {
            if let Err(refusal) = next.count(self.bounds, now, buckets) {
                others.take(counted).chain([last]).for_each(|asked| asked.refund(buckets));
                return Err(refusal);
            }
        }
        Ok(())
    }
}

impl Asked<'_> {
    fn name(&self) -> RateRule {
        match self {
            Asked::Rule(rule) => rule.name,
            Asked::Subnet(_, network) => RateRule::Network(*network),
        }
    }

    fn refused(&self, retry_after: Duration) -> RateLimited {
        RateLimited { rule: self.name(), retry_after }
    }

    fn key(rule: &SubnetRule, network: IpNet) -> BucketKey {
        BucketKey { network, rate: rule.rate }
    }

    fn look(&self, now: Duration, buckets: &Buckets) -> Result<(), RateLimited> {
        let (word, gcra) = match self {
            // Relaxed: each bucket stands for itself, and counting decides.
            Asked::Rule(rule) => (rule.word.load(Ordering::Relaxed), rule.gcra),
            Asked::Subnet(rule, network) => (buckets.look(&Self::key(rule, *network)), rule.gcra),
        };
        gcra.admit(word, gcra.ticks(now)).map(drop).map_err(|wait| self.refused(wait))
    }

    fn count(&self, bounds: Bounds, now: Duration, buckets: &Buckets) -> Result<(), RateLimited> {
        let counted = match self {
            Asked::Rule(rule) => count(&rule.word, &rule.gcra, rule.gcra.ticks(now)),
            Asked::Subnet(rule, network) => {
                buckets.count(Self::key(rule, *network), rule.gcra, now, bounds)
            }
        };
        counted.map_err(|wait| self.refused(wait))
    }

    fn refund(&self, buckets: &Buckets) {
        match self {
            Asked::Rule(rule) => refund(&rule.word, &rule.gcra),
            Asked::Subnet(rule, network) => {
                buckets.refund(&Self::key(rule, *network), &rule.gcra);
            }
        }
    }
}

/// Counts one event in the word of a rule's own bucket.
fn count(word: &AtomicWord, gcra: &Gcra, now: u64) -> Result<(), Duration> {
    // Relaxed, here and below: the word is all that there is; nothing is published by it.
    let mut seen = word.load(Ordering::Relaxed);
    loop {
        let next = gcra.admit(seen, now)?;
        match word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return Ok(()),
            Err(now) => seen = now,
        }
    }
}

/// Takes one event that was counted back.
fn refund(word: &AtomicWord, gcra: &Gcra) {
    let mut seen = word.load(Ordering::Relaxed);
    while let Err(now) =
        word.compare_exchange(seen, gcra.refund(seen), Ordering::Relaxed, Ordering::Relaxed)
    {
        seen = now;
    }
}
