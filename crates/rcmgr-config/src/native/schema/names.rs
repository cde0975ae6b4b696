//! The keys that whoever writes a file chooses: names, peers, prefix lengths and networks.

use core::fmt;

use rcmgr_core::ipnet::IpNet;

use super::{Record, Shape, Slot};
use crate::{
    AddressRule, InvalidProtocols, Key, Protocols, Quota, Settings, Subject, allowlist, peer,
};

/// What the keys of a map are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Names {
    /// Services.
    Services,
    /// Services, for each peer.
    ServicePeers,
    /// Protocols.
    Protocols,
    /// Protocols, for each peer.
    ProtocolPeers,
    /// Peers.
    Peers,
    /// Prefix lengths of a family of addresses.
    Subnets(Of, Family),
    /// Networks.
    Networks(Of),
    /// Protocols that have a quota, by id or by beginning.
    Quotas,
}

/// What is limited by address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// The number of connections.
    Connections,
    /// How fast they are opened.
    Rates,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// 32 bits.
    V4,
    /// 128 bits.
    V6,
}

impl Family {
    /// The longest prefix.
    pub const fn bits(self) -> u8 {
        match self {
            Family::V4 => 32,
            Family::V6 => 128,
        }
    }
}

/// A name as it is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What may stand under it. Two spellings of one name have one shape.
    pub shape: Shape,
    /// The network that is meant, where another was written.
    pub instead: Option<IpNet>,
}

/// A key that is no such name. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No peer.
    #[error(transparent)]
    Peer(#[from] peer::InvalidPeer),
    /// No protocols.
    #[error(transparent)]
    Protocols(#[from] InvalidProtocols),
    /// No prefix length.
    #[error("it is no prefix length of IPv{}: write a number from 0 to {}", .0, .0.bits())]
    Length(Family),
    /// No network.
    #[error("it is no network: write 192.0.2.0/24, 2001:db8::/32, or a single address")]
    Network,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Family::V4 => "4",
            Family::V6 => "6",
        })
    }
}

impl Names {
    /// What a key means.
    ///
    /// # Errors
    /// It is no such name.
    pub fn named(self, key: &str) -> Result<Named, InvalidName> {
        let scope = |subject| Shape::Record(Record::Scope(subject));
        let mut instead = None;
        let shape = match self {
            Names::Services => scope(Subject::Service(key.into())),
            Names::ServicePeers => scope(Subject::ServicePeer(key.into())),
            Names::Protocols => scope(Subject::Protocol(key.into())),
            Names::ProtocolPeers => scope(Subject::ProtocolPeer(key.into())),
            Names::Peers => scope(Subject::Peer(peer::key(key)?)),
            Names::Subnets(of, family) => of.shape(subnet(key, family)?),
            Names::Networks(of) => {
                let written = allowlist::network(key).ok_or(InvalidName::Network)?;
                let network = written.trunc();
                instead = (network != written).then_some(network);
                of.shape(AddressRule::Network(network))
            }
            Names::Quotas => quota(Protocols::read(key)?),
        };
        Ok(Named { shape, instead })
    }

    /// How many there may be, if that is bounded.
    pub const fn most(self) -> Option<usize> {
        match self {
            Names::Quotas => Some(Quota::MOST),
            _ => None,
        }
    }

    /// The names of which settings say something, as they are written, in order.
    pub fn of(self, settings: &Settings) -> Vec<(String, Shape)> {
        let rules: Vec<AddressRule> = match self {
            Names::Subnets(Of::Connections, _) | Names::Networks(Of::Connections) => {
                settings.connections.keys().copied().collect()
            }
            Names::Subnets(Of::Rates, _) | Names::Networks(Of::Rates) => {
                settings.rates.keys().copied().collect()
            }
            Names::Quotas => {
                let quotas = settings.connection_manager.quotas.keys();
                return quotas.map(|of| (of.to_string(), quota(of.clone()))).collect();
            }
            _ => return self.subjects(settings),
        };
        let name = |rule: AddressRule| match (self, rule) {
            (Names::Subnets(of, Family::V4), AddressRule::SubnetV4(length))
            | (Names::Subnets(of, Family::V6), AddressRule::SubnetV6(length)) => {
                Some((length.to_string(), of.shape(rule)))
            }
            (Names::Networks(of), AddressRule::Network(network)) => {
                Some((network.to_string(), of.shape(rule)))
            }
            _ => None,
        };
        rules.into_iter().filter_map(name).collect()
    }

    fn subjects(self, settings: &Settings) -> Vec<(String, Shape)> {
        let name = |subject: &Subject| {
            let (names, name) = match subject {
                Subject::Class(_) => return None,
                Subject::Service(name) => (Names::Services, name.to_string()),
                Subject::ServicePeer(name) => (Names::ServicePeers, name.to_string()),
                Subject::Protocol(name) => (Names::Protocols, name.to_string()),
                Subject::ProtocolPeer(name) => (Names::ProtocolPeers, name.to_string()),
                Subject::Peer(key) => (Names::Peers, peer::text(key)),
            };
            (names == self).then(|| (name, Shape::Record(Record::Scope(subject.clone()))))
        };
        settings.scopes.keys().filter_map(name).collect()
    }

    /// One such name.
    pub const fn example(self) -> &'static str {
        match self {
            Names::Services | Names::ServicePeers => "libp2p.identify",
            Names::Protocols | Names::ProtocolPeers => "/ipfs/kad/1.0.0",
            Names::Peers => "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj",
            Names::Subnets(_, Family::V4) => "32",
            Names::Subnets(_, Family::V6) => "56",
            Names::Networks(_) => "10.0.0.0/8",
            Names::Quotas => "/ipfs/kad/*",
        }
    }

    /// What the keys are, for the reference.
    pub const fn meaning(self) -> &'static str {
        match self {
            Names::Services | Names::ServicePeers => "a service",
            Names::Protocols | Names::ProtocolPeers => "a protocol",
            Names::Peers => "a peer id, or the bytes of another key as `0x0102…`",
            Names::Subnets(_, Family::V4) => "a prefix length from 0 to 32",
            Names::Subnets(_, Family::V6) => "a prefix length from 0 to 128",
            Names::Networks(_) => "a network, or an address",
            Names::Quotas => "a protocol, or the beginning of some with `*` behind it",
        }
    }

    /// The regular expression that the keys match, if not every text is one.
    pub const fn pattern(self) -> Option<&'static str> {
        match self {
            Names::Services | Names::ServicePeers | Names::Protocols | Names::ProtocolPeers => None,
            // A schema counts characters, and their bytes are bounded.
            Names::Quotas => None,
            // Peer ids have many spellings, and what reads them is stricter.
            Names::Peers => Some(r"^(0x([0-9a-fA-F]{2})*|\S{1,128})$"),
            Names::Subnets(_, Family::V4) => Some("^([0-9]|[12][0-9]|3[0-2])$"),
            Names::Subnets(_, Family::V6) => Some("^([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])$"),
            Names::Networks(_) => Some("^[0-9a-fA-F.:]+(/[0-9]{1,3})?$"),
        }
    }
}

impl Of {
    /// The shape of what is said of a rule.
    pub const fn shape(self, rule: AddressRule) -> Shape {
        Shape::Value(Slot::Of(match self {
            Of::Connections => Key::Connections(rule),
            Of::Rates => Key::Rate(rule),
        }))
    }
}

/// The shape of what is said of protocols.
const fn quota(of: Protocols) -> Shape {
    Shape::Record(Record::Quota(of))
}

/// The rule of a prefix length, which has one spelling only.
fn subnet(key: &str, family: Family) -> Result<AddressRule, InvalidName> {
    let length = key.parse::<u8>().ok();
    let length = length.filter(|length| *length <= family.bits() && length.to_string() == key);
    let length = length.ok_or(InvalidName::Length(family))?;
    Ok(match family {
        Family::V4 => AddressRule::SubnetV4(length),
        Family::V6 => AddressRule::SubnetV6(length),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_of_a_name_have_one_shape() {
        let networks = Names::Networks(Of::Rates);
        let plain = networks.named("10.0.0.0/8").unwrap();
        let written = networks.named("10.1.2.3/8").unwrap();
        assert_eq!((plain.instead, written.instead), (None, "10.0.0.0/8".parse().ok()));
        assert_eq!(plain.shape, written.shape);
        let id = Names::Peers.example();
        let bytes: String =
            peer::key(id).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Names::Peers.named(id), Names::Peers.named(&format!("0x{bytes}")));
    }

    #[test]
    fn prefix_lengths_have_bounds() {
        for (family, good, bad) in [
            (Family::V4, ["0", "9", "32"], ["33", "-1", "032", "+1", "", "1.0", "256", "a"]),
            (Family::V6, ["0", "99", "128"], ["129", "-1", "00", "+1", "", " 1", "1000", "é"]),
        ] {
            let names = Names::Subnets(Of::Connections, family);
            for length in good {
                assert!(names.named(length).is_ok(), "{length}");
            }
            for length in bad {
                assert_eq!(names.named(length), Err(InvalidName::Length(family)), "{length}");
            }
        }
    }

    #[test]
    fn examples_are_names() {
        let both = [Of::Connections, Of::Rates];
        let by_address = both.into_iter().flat_map(|of| {
            [Names::Subnets(of, Family::V4), Names::Subnets(of, Family::V6), Names::Networks(of)]
        });
        let by_name = [
            Names::Services,
            Names::ServicePeers,
            Names::Protocols,
            Names::ProtocolPeers,
            Names::Peers,
            Names::Quotas,
        ];
        for names in by_name.into_iter().chain(by_address) {
            assert!(names.named(names.example()).is_ok(), "{names:?}");
        }
    }
}
