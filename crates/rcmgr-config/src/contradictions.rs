//! Limits that contradict each other. They are enforced as they are; but somebody wrote one that
//! can never have an effect, and would like to know.
//!
//! Only what was said is looked at, and only where it is not what go-libp2p has by default for
//! such a node. The defaults are not consistent on every machine, as go-libp2p's are not, and
//! nobody could mend them; and what a running node answers says them all.

use rcmgr_core::{Limit, Resource};

use crate::{
    At, Choice, Class, Diagnostic, Effective, Given, Key, ManagerType, Said, Setting, Severity,
    Size, Subject, libp2p,
};

/// What contradicts itself in limits.
pub fn contradictions(effective: &Effective) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let Given { memory, file_descriptors, .. } = effective.given;
    let defaults = libp2p::defaults().scale(memory, file_descriptors);
    for (subject, said) in &effective.settings().scopes {
        for (resource, said) in said {
            let is_default = limit(effective, subject, *resource)
                == subject.limit_in_force(&defaults).get(*resource);
            if said.value != Setting::Default && !is_default && is_written(&said.at) {
                let limit = OneLimit { effective, subject, resource: *resource, at: &said.at };
                let wrong = limit.beyond_counting().or_else(|| limit.never_binds());
                found.extend(wrong.or_else(|| limit.above_its_parts()));
            }
        }
    }
    connections(effective, &mut found);
    rates(effective, &mut found);
    watermarks(effective, &mut found);
    found
}

/// Whether somebody wrote it: what another program takes for granted, nobody did.
fn is_written(at: &At) -> bool {
    !matches!(at, At::Default(_))
}

fn warning(at: &At, message: String, help: String) -> Diagnostic {
    Diagnostic::of_said(Severity::Warning, at, message).help(help)
}

/// A limit that somebody set.
#[derive(Clone, Copy)]
struct OneLimit<'e> {
    effective: &'e Effective,
    subject: &'e Subject,
    resource: Resource,
    at: &'e At,
}

impl OneLimit<'_> {
    /// The number, where it is one that admits something.
    fn bound(&self) -> Option<u64> {
        bound(self.effective, self.subject, self.resource)
    }

    fn told(&self) -> String {
        told(self.subject, self.resource, self.bound().unwrap_or_default())
    }

    fn beyond_counting(&self) -> Option<Diagnostic> {
        let most = self.resource.capacity();
        self.bound().filter(|bound| *bound > most).map(|_| {
            let resource = self.resource;
            let message = format!(
                "{}, and a scope can count no more than {most} {resource}: \
                 from there on it refuses for lack of capacity",
                self.told()
            );
            let help = format!("write {most} or less, or unlimited, which is bounded alike");
            warning(self.at, message, help)
        })
    }

    /// A limit above one that everything it counts has to pass, too.
    fn never_binds(&self) -> Option<Diagnostic> {
        let bound = self.bound()?;
        let own_total = total_of(self.resource).map(|total| (self.subject.clone(), total));
        let around = ancestors(self.subject).into_iter().flat_map(|ancestor| {
            let total = total_of(self.resource).map(|total| (ancestor.clone(), total));
            [Some((ancestor, self.resource)), total].into_iter().flatten()
        });
        let (subject, resource, least) = own_total
            .into_iter()
            .chain(around)
            .filter_map(|(subject, resource)| {
                let limit = limit(self.effective, &subject, resource);
                (limit.get() < bound).then(|| (subject, resource, limit.get()))
            })
            .min_by_key(|(_, _, least)| *least)?;
        let key = Key::Limit(subject.clone(), resource);
        let message = format!(
            "{}, and can never bind: {} ({})",
            self.told(),
            told(&subject, resource, least),
            self.effective.origin(&key),
        );
        let help = match least {
            0 => format!("write block, or raise {key}"),
            least => format!("write {} or less, or raise {key}", value(resource, least)),
        };
        Some(warning(self.at, message, help))
    }

    /// A total above the sum of what it is a total of.
    fn above_its_parts(&self) -> Option<Diagnostic> {
        let bound = self.bound()?;
        let mut sum = 0u64;
        for part in parts_of(self.resource)? {
            let limit = limit(self.effective, self.subject, *part);
            if limit.is_unlimited() {
                return None;
            }
            sum = sum.saturating_add(limit.get());
        }
        (bound > sum).then(|| {
            let names: Vec<_> = parts_of(self.resource)
                .into_iter()
                .flatten()
                .map(|part| part.name().replace('_', "-"))
                .collect();
            let message = format!(
                "{}, and can never bind: {} of {} come to {sum} together",
                self.told(),
                names.join(", "),
                self.subject
            );
            warning(self.at, message, format!("write {sum} or less, or raise one of these"))
        })
    }
}

/// Whose limits everything that a scope counts has to pass, too.
fn ancestors(subject: &Subject) -> Vec<Subject> {
    let system = Subject::Class(Class::System);
    match subject {
        Subject::Class(Class::System | Class::AllowlistedSystem) => vec![],
        Subject::Class(Class::AllowlistedTransient) => {
            vec![Subject::Class(Class::AllowlistedSystem)]
        }
        Subject::Class(Class::ProtocolPeer) => vec![Subject::Class(Class::Protocol), system],
        Subject::Class(Class::ServicePeer) => vec![Subject::Class(Class::Service), system],
        Subject::ProtocolPeer(name) => vec![Subject::Protocol(name.clone()), system],
        Subject::ServicePeer(name) => vec![Subject::Service(name.clone()), system],
        _ => vec![system],
    }
}

const fn total_of(resource: Resource) -> Option<Resource> {
    match resource {
        Resource::StreamsInbound | Resource::StreamsOutbound => Some(Resource::Streams),
        Resource::ConnectionsInbound | Resource::ConnectionsOutbound => Some(Resource::Connections),
        Resource::TasksHigh | Resource::TasksMedium | Resource::TasksLow => Some(Resource::Tasks),
        _ => None,
    }
}

const fn parts_of(resource: Resource) -> Option<&'static [Resource]> {
    match resource {
        Resource::Streams => Some(&[Resource::StreamsInbound, Resource::StreamsOutbound]),
        Resource::Connections => {
            Some(&[Resource::ConnectionsInbound, Resource::ConnectionsOutbound])
        }
        Resource::Tasks => Some(&[Resource::TasksHigh, Resource::TasksMedium, Resource::TasksLow]),
        _ => None,
    }
}

fn limit(effective: &Effective, subject: &Subject, resource: Resource) -> Limit {
    subject.limit_in_force(&effective.limits).get(resource)
}

fn bound(effective: &Effective, subject: &Subject, resource: Resource) -> Option<u64> {
    let limit = limit(effective, subject, resource);
    (!limit.is_unlimited() && limit != Limit::BLOCK_ALL).then(|| limit.get())
}

fn told(subject: &Subject, resource: Resource, bound: u64) -> String {
    format!("{} is {}", Key::Limit(subject.clone(), resource), value(resource, bound))
}

fn value(resource: Resource, bound: u64) -> String {
    match resource {
        Resource::Memory => Size(bound).to_string(),
        _ => bound.to_string(),
    }
}

fn connections(effective: &Effective, found: &mut Vec<Diagnostic>) {
    let system = effective.limits.system.connections;
    for (rule, Said { value, at }) in &effective.settings().connections {
        if let Choice::Set(limit) = value
            && is_written(at)
            && !limit.is_unlimited()
            && *limit > system
        {
            let key = Key::Connections(*rule);
            let message = format!(
                "{key} is {limit}, and can never bind: limits.system.connections is {system}"
            );
            found.push(warning(at, message, format!("write {system} or less")));
        }
    }
}

fn rates(effective: &Effective, found: &mut Vec<Diagnostic>) {
    for (rule, Said { value, at }) in &effective.settings().rates {
        let Choice::Set(rate) = value else { continue };
        let (no_burst, no_rate) = (rate.burst() == 0, rate.per_second() == 0.0);
        if no_burst != no_rate {
            let (what, other) = match no_burst {
                true => ("burst", "per-second"),
                false => ("per-second", "burst"),
            };
            let key = Key::Rate(*rule);
            let message = format!("{key} admits nothing, whatever its {other} is: its {what} is 0");
            found.push(warning(at, message, format!("write block, or a {what} of more than 0")));
        }
    }
}

fn watermarks(effective: &Effective, found: &mut Vec<Diagnostic>) {
    let said = &effective.settings().connection_manager;
    let is_none = said.kind.as_ref().is_some_and(|kind| kind.value == ManagerType::None);
    let Some(high) = said.high_watermark.as_ref().filter(|_| !is_none) else { return };
    if let Some(low) = &said.low_watermark
        && low.value > high.value
    {
        let message = format!(
            "{} is {}, above {}, which is {}: a round would close nothing",
            Key::LowWatermark,
            low.value,
            Key::HighWatermark,
            high.value
        );
        found.push(warning(&low.at, message, format!("write {} or less", high.value)));
    }
    let system = Subject::Class(Class::System);
    for resource in [Resource::Connections, Resource::ConnectionsInbound] {
        let limit = limit(effective, &system, resource);
        if !limit.is_unlimited() && limit.get() <= high.value {
            let key = Key::Limit(system.clone(), resource);
            let message = format!(
                "{} is {}, and {key} is {limit} ({}): connections are refused before any is closed",
                Key::HighWatermark,
                high.value,
                effective.origin(&key)
            );
            let help = format!("write less than {limit}, or raise {key}");
            found.push(warning(&high.at, message, help));
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddressRule, Settings, native};
    use rcmgr_core::Rate;
    use rcmgr_core::ipnet::IpNet;

    fn flag() -> At {
        At::Flag("--set".into())
    }

    fn told_of(settings: Settings) -> Vec<String> {
        let effective = Effective::of(settings, Given::exactly(1 << 30, 2048));
        let told = |found: &Diagnostic| found.to_string();
        contradictions(&effective).iter().map(told).collect()
    }

    fn with(limits: &[(Subject, Resource, u64)]) -> Settings {
        let mut settings = Settings::default();
        for (subject, resource, limit) in limits {
            let said = Said::new(Setting::Limit(Limit::new(*limit)), flag());
            settings.scopes.entry(subject.clone()).or_default().insert(*resource, said);
        }
        settings
    }

    const SYSTEM: Subject = Subject::Class(Class::System);
    const PEER: Subject = Subject::Class(Class::Peer);

    #[test]
    fn the_defaults_and_what_is_consistent_are_silent() {
        assert_eq!(told_of(Settings::default()), [""; 0]);
        let limits = [
            (PEER, Resource::Streams, 1152),
            (SYSTEM, Resource::StreamsInbound, 0),
            (PEER, Resource::Memory, u64::MAX),
            (SYSTEM, Resource::Memory, 1),
        ];
        assert_eq!(told_of(with(&limits)), [""; 0]);
    }

    #[test]
    fn what_a_node_answers_is_as_silent_as_what_was_said_to_it() {
        let effective = Effective::of(Settings::default(), Given::exactly(1 << 30, 2048));
        assert_eq!(told_of(native::complete(&effective)), [""; 0]);
        let mut settings = native::complete(&effective);
        settings.overlay(&with(&[(PEER, Resource::Memory, 2 << 30)]));
        assert_eq!(told_of(settings).len(), 1);
    }

    #[test]
    fn what_another_program_takes_for_granted_is_silent() {
        let mut settings = with(&[(PEER, Resource::Memory, 2 << 30)]);
        let limit = Said::new(Choice::Set(Limit::new(1000)), flag());
        settings.connections.insert(AddressRule::SubnetV6(48), limit);
        assert_eq!(told_of(settings.clone()).len(), 2);
        assert_eq!(told_of(settings.said_at(&At::Default("Kubo"))), [""; 0]);
    }

    #[test]
    fn a_limit_above_one_around_it_never_binds() {
        let told = told_of(with(&[(PEER, Resource::Memory, 2 << 30)]));
        assert_eq!(
            told.concat(),
            "warning: --set: limits.peer.memory is 2 GiB, and can never bind: \
             limits.system.memory is 1.125 GiB (default scaled from 1 GiB)\n \
             = help: write 1.125 GiB or less, or raise limits.system.memory"
        );
        let protocol = Subject::Protocol("/a".into());
        let of_peers = Subject::ProtocolPeer("/a".into());
        let told = told_of(with(&[
            (protocol, Resource::Streams, 10),
            (of_peers.clone(), Resource::Streams, 11),
        ]));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains(r#"limits.protocol-peers."/a".streams is 11"#), "{}", told[0]);
        let told = told_of(with(&[(of_peers, Resource::StreamsInbound, 5000)]));
        assert_eq!(told.len(), 1, "{told:?}");
    }

    #[test]
    fn totals_and_their_parts_are_compared() {
        let transient = Subject::Class(Class::Transient);
        let told = told_of(with(&[(transient.clone(), Resource::StreamsInbound, 1500)]));
        assert!(told[0].contains("limits.transient.streams is 512 (default"), "{}", told[0]);
        let told = told_of(with(&[
            (transient.clone(), Resource::Tasks, 100),
            (transient.clone(), Resource::TasksHigh, 10),
            (transient.clone(), Resource::TasksMedium, 20),
            (transient, Resource::TasksLow, 30),
        ]));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("of transient come to 60 together"), "{}", told[0]);
    }

    #[test]
    fn a_limit_beyond_counting_is_told_once() {
        let told = told_of(with(&[(SYSTEM, Resource::ConnectionsInbound, i32::MAX as u64)]));
        assert_eq!(told.len(), 1);
        assert!(told[0].contains("no more than 2097151 inbound connections"), "{}", told[0]);
    }

    #[test]
    fn addresses_rates_and_watermarks_are_compared_with_the_system() {
        let mut settings = Settings::default();
        let net: IpNet = "10.0.0.0/8".parse().unwrap();
        let rule = AddressRule::Network(net);
        let limit = |limit| Said::new(Choice::Set(Limit::new(limit)), flag());
        settings.connections.insert(rule, limit(1000));
        settings.connections.insert(AddressRule::SubnetV4(8), limit(100));
        let rate = |rate, burst| Said::new(Choice::Set(Rate::new(rate, burst).unwrap()), flag());
        settings.rates.insert(rule, rate(1.0, 0));
        settings.rates.insert(AddressRule::All, rate(0.0, 5));
        settings.rates.insert(AddressRule::WithoutAddress, rate(0.0, 0));
        settings.connection_manager.high_watermark = Some(Said::new(500, flag()));
        settings.connection_manager.low_watermark = Some(Said::new(501, flag()));
        let told = told_of(settings);
        assert_eq!(told.len(), 5, "{told:?}");
        for (told, part) in told.iter().zip([
            "is 1000, and can never bind: limits.system.connections is 256",
            "connection-rates.all admits nothing, whatever its burst is: its per-second is 0",
            "its burst is 0",
            "is 501, above connection-manager.high-watermark, which is 500",
            "connections are refused before any is closed",
        ]) {
            assert!(told.contains(part), "{told}");
        }
    }
}
