//! What a format cannot say of limits that were written in it.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};

use rcmgr_core::{Limit, Limits, Resource};

use crate::quoted::quoted;
use crate::{Class, ConnectionManager, Effective, Format, Subject};

/// Something that is other in what was written than it was; as text a sentence.
///
/// ```
/// use rcmgr_config::{Effective, Given, Settings, libp2p};
/// use rcmgr_core::Limit;
///
/// let mut effective = Effective::of(Settings::default(), Given::exactly(1 << 30, 2048));
/// effective.limits.system.tasks = Limit::new(16);
/// let (_, left_out) = libp2p::write(&effective);
/// assert_eq!(left_out.len(), 1);
/// let sentence = "system: go-libp2p cannot say 16 tasks (unlimited instead)";
/// assert_eq!(left_out[0].to_string(), sentence);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The format that was written.
    pub format: Format,
    /// What is other.
    pub what: What,
}

/// What is other in what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Limits of a class of scopes.
    Class(Class, Vec<Instead>),
    /// Limits of names in a class.
    Names {
        /// The class.
        class: Class,
        /// The first of them, at most [`LeftOut::NAMED`].
        first: Vec<String>,
        /// How many there are.
        count: usize,
        /// What is limited otherwise.
        resources: BTreeSet<Resource>,
    },
    /// What the node is given, which limits scale with.
    Given,
    /// The limits of connections by address.
    Addresses,
    /// The rates of new connections.
    Rates,
    /// The allowlist.
    Allowlist,
    /// What connections and streams take by themselves.
    BaseMemory,
    /// The connection manager.
    ConnectionManager,
}

/// A limit that is other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instead {
    /// What it limits.
    pub resource: Resource,
    /// What it was.
    pub limit: Limit,
    /// What it is in what was written.
    pub instead: Limit,
}

impl LeftOut {
    /// So many names are told of all that a class has.
    pub const NAMED: usize = 3;

    /// What differs between limits and what was written of them. Limits of names are told together
    /// for a class, and a name without its own is compared by its class.
    pub(crate) fn of_limits(format: Format, limits: &Limits, written: &Limits) -> Vec<LeftOut> {
        let classes = Class::ALL.into_iter().filter_map(|class| {
            let (limit, written) = (class.limit(limits), class.limit(written));
            let instead = |resource| {
                let (limit, instead) = (limit.get(resource), written.get(resource));
                (limit != instead).then_some(Instead { resource, limit, instead })
            };
            let instead: Vec<Instead> = Resource::ALL.into_iter().filter_map(instead).collect();
            (!instead.is_empty()).then_some(What::Class(class, instead))
        });
        let beside = [
            (limits.ip != written.ip, What::Addresses),
            (limits.rates != written.rates, What::Rates),
            (limits.allowlist != written.allowlist, What::Allowlist),
        ];
        let beside = beside.into_iter().filter_map(|(differs, what)| differs.then_some(what));
        let all = classes.chain(names(limits, written)).chain(beside);
        all.map(|what| LeftOut { format, what }).collect()
    }

    /// What differs beside the limits, if no more is written than the connection manager.
    pub(crate) fn beside_limits(
        format: Format,
        effective: &Effective,
        written: &ConnectionManager,
    ) -> Vec<LeftOut> {
        let beside = [
            (!effective.settings().base_memory.is_empty(), What::BaseMemory),
            (effective.connection_manager() != *written, What::ConnectionManager),
        ];
        let beside = beside.into_iter().filter(|(differs, _)| *differs);
        beside.map(|(_, what)| LeftOut { format, what }).collect()
    }
}

fn names(limits: &Limits, written: &Limits) -> impl Iterator<Item = What> {
    type Names = (Vec<String>, usize, BTreeSet<Resource>);
    let mut by_class: BTreeMap<Class, Names> = BTreeMap::new();
    let subjects = |limits| Subject::all(limits).into_iter().map(|(subject, _)| subject);
    let all: BTreeSet<Subject> = subjects(limits).chain(subjects(written)).collect();
    for subject in &all {
        let Some((_, name)) = subject.named() else { continue };
        let limit = subject.limit_in_force(limits);
        let instead = subject.limit_in_force(written);
        let differs = |resource: &Resource| limit.get(*resource) != instead.get(*resource);
        let differing: Vec<Resource> = Resource::ALL.into_iter().filter(differs).collect();
        if differing.is_empty() {
            continue;
        }
        let (first, count, resources) = by_class.entry(subject.class()).or_default();
        if first.len() < LeftOut::NAMED {
            first.push(name);
        }
        *count += 1;
        resources.extend(differing);
    }
    let names = by_class.into_iter();
    names.map(|(class, (first, count, resources))| What::Names { class, first, count, resources })
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = self.format.program();
        match &self.what {
            What::Class(class, instead) => {
                write!(f, "{class}: {program} cannot say ")?;
                commas(f, instead)
            }
            What::Names { class, first, count, resources } => {
                write!(f, "{class} ")?;
                commas(f, first.iter().map(|name| quoted(name)))?;
                match count.saturating_sub(first.len()) {
                    0 => {}
                    more => write!(f, " and {more} more")?,
                }
                let their = if *count == 1 { "its" } else { "their" };
                write!(f, ": {program} cannot say {their} limits of ")?;
                commas(f, resources)
            }
            What::Given => write!(
                f,
                "what the node is given: {program} can only give it a part of the machine, so \
                 that its defaults can differ"
            ),
            What::Addresses => {
                write!(f, "the limits of connections by address: {program} has no words for them")
            }
            What::Rates => {
                write!(f, "the rates of new connections: {program} has no words for them")
            }
            What::Allowlist => write!(f, "the allowlist: {program} has no words for it"),
            What::BaseMemory => write!(
                f,
                "the memory that connections and streams take by themselves: {program} has no \
                 words for it"
            ),
            What::ConnectionManager => write!(
                f,
                "the connection manager: {program} has no words for it, or not for its numbers"
            ),
        }
    }
}

/// `16 tasks (unlimited instead)`.
impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Instead { resource, limit, instead } = self;
        let told = |limit: &Limit| match *limit {
            Limit::UNLIMITED => "unlimited".to_owned(),
            limit => limit.get().to_string(),
        };
        write!(f, "{} {resource} ({} instead)", told(limit), told(instead))
    }
}

fn commas(
    f: &mut fmt::Formatter<'_>,
    all: impl IntoIterator<Item = impl fmt::Display>,
) -> fmt::Result {
    for (at, one) in all.into_iter().enumerate() {
        write!(f, "{}{one}", if at == 0 { "" } else { ", " })?;
    }
    Ok(())
}
