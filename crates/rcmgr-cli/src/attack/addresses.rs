//! Who comes from which address of 127.0.0.0/8.
//!
//! Honest parties are spread over the lower half, as those of a real network are spread over the
//! networks of many providers: one address of a /24, and few of a /16. Attackers have four networks
//! of /16 in the upper half, and every address in these.

use std::net::Ipv4Addr;

/// Honest parties are spread over so many networks of /16.
const HONEST_NETWORKS: u32 = 120;
/// The networks of /16 that attackers come from begin with this one.
const FIRST_HOSTILE: u8 = 200;
/// How many networks of /16 attackers have.
pub const HOSTILE_NETWORKS: u32 = 4;

/// The address of an honest party; no two of the first 30,000 share a /24.
pub fn honest(index: u32) -> Ipv4Addr {
    let (network, subnet) = (index % HONEST_NETWORKS, index / HONEST_NETWORKS);
    Ipv4Addr::new(127, 1 + network as u8, subnet as u8, 1)
}

/// The address of an attacker who has all addresses of its networks: each of the first 260,000 has
/// one of its own.
pub fn hostile(index: u32) -> Ipv4Addr {
    let (network, host) = (index % HOSTILE_NETWORKS, index / HOSTILE_NETWORKS % 0xffff + 1);
    let [.., high, low] = host.to_be_bytes();
    Ipv4Addr::new(127, FIRST_HOSTILE + network as u8, high, low)
}

/// The address of an attacker who has one network of /24.
pub fn neighbour(index: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, FIRST_HOSTILE, 0, (index % 254) as u8 + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_are_as_many_as_is_said() {
        let honest: HashSet<_> =
            (0..30_000).map(|index| honest(index).octets()[..3].to_vec()).collect();
        assert_eq!(honest.len(), 30_000);
        let hostile: HashSet<_> = (0..260_000).map(hostile).collect();
        assert_eq!(hostile.len(), 260_000);
        assert!(hostile.iter().all(|address| address.octets()[1] >= FIRST_HOSTILE));
    }
}
