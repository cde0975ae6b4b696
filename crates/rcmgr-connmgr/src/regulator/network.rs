//! The network that an address is from, as a number that says nothing to others.

use std::{
    hash::BuildHasher,
    net::{IpAddr, Ipv6Addr},
};

use foldhash::quality::FixedState;

/// Networks by a keyed hash.
#[derive(Debug)]
pub(super) struct NetworkHash(FixedState);

impl NetworkHash {
    pub fn new(seed: u64) -> NetworkHash {
        // Another hash than that of peers, which has the same seed.
        NetworkHash(FixedState::with_seed(!seed))
    }

    /// The /16 of an IPv4 address, the /32 of an IPv6 one; 0 where there is none. That a network has
    /// this number by chance does no harm: it is then one with the unknown ones.
    pub fn of(&self, address: Option<IpAddr>) -> u32 {
        let prefix = match address.map(|address| address.to_canonical()) {
            None => return 0,
            Some(IpAddr::V4(address)) => u64::from(address.to_bits() >> 16),
            // 1 above the 32 bits, to be told from the other ones.
            Some(IpAddr::V6(address)) => 1 << 32 | u64::from(first_half(address)),
        };
        (self.0.hash_one(prefix) >> 32) as u32
    }
}

fn first_half(address: Ipv6Addr) -> u32 {
    (address.to_bits() >> 96) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> u32 {
        NetworkHash::new(7).of(Some(address.parse().unwrap()))
    }

    #[test]
    fn addresses_of_one_network_have_one_number() {
        assert_eq!(of("192.0.2.1"), of("192.0.255.9"));
        assert_ne!(of("192.0.2.1"), of("192.1.2.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8:ffff::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db9::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("::c000:201"), of("192.0.2.1"), "it is no mapped address");
        assert_eq!(NetworkHash::new(7).of(None), 0);
    }
}
