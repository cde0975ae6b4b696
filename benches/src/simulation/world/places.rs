//! Where peers are: their addresses, and how long messages to them take.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use crate::simulation::chance::Chance;

/// The networks of /16 of honest peers.
const NETWORKS: u64 = 3000;
/// Where the numbers of honest peers' networks begin, that of the one they share, and where
/// those of attackers begin.
const HONEST: u16 = 0x1400;
const SHARED: u16 = 0x2788;
const ATTACKERS: u16 = 0x4000;

/// How honest peers are spread over networks: the k-th of 3,000 has a share in proportion to
/// 1/k^0.8, the largest 5 % and the ten largest together 17 %. Addresses in the IPFS network are
/// concentrated like that, by operators even more (Trautwein et al., *Design and evaluation of
/// IPFS*, SIGCOMM 2022).
#[derive(Debug)]
pub struct Places {
    /// The sums of the shares up to each network.
    sums: Vec<f64>,
    /// How many of a hundred are in one network besides.
    together: u32,
}

impl Places {
    /// Of a world in which so many of a hundred honest peers share one network.
    pub fn new(together: u32) -> Places {
        let mut sum = 0.0;
        let sums = (1..=NETWORKS).map(|place| {
            sum += (place as f64).powf(-0.8);
            sum
        });
        Places { sums: sums.collect(), together }
    }

    /// Where an honest peer is: always the same for the same number.
    pub fn honest(&self, peer: u64) -> (IpAddr, Duration) {
        let mut chance = Chance::new(peer ^ 0x0bad_cafe);
        let whole = self.sums.last().copied().unwrap_or_default();
        let drawn = chance.part() * whole;
        let network = HONEST + self.sums.partition_point(|sum| *sum < drawn) as u16;
        let network = if chance.happens(self.together) { SHARED } else { network };
        (address(network, &mut chance), round_trip(&mut chance))
    }
}

/// Where an attacker is that has addresses in so many networks.
pub fn attacker(networks: u32, chance: &mut Chance) -> (IpAddr, Duration) {
    let network = ATTACKERS + chance.below(networks.into()) as u16;
    (address(network, chance), round_trip(chance))
}

/// The network of an address.
pub fn network(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(address) => {
            let [high, low, ..] = address.octets();
            u16::from_be_bytes([high, low])
        }
        IpAddr::V6(_) => 0,
    }
}

fn address(network: u16, chance: &mut Chance) -> IpAddr {
    let [high, low] = network.to_be_bytes();
    let [third, last, ..] = chance.number().to_be_bytes();
    Ipv4Addr::new(high, low, third, last).into()
}

/// From 10 to 300 ms, for attackers as well.
fn round_trip(chance: &mut Chance) -> Duration {
    Duration::from_millis(10 + chance.below(290))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_spread_as_it_says() {
        let places = Places::new(0);
        let mut counts = vec![0_u32; usize::from(ATTACKERS)];
        for peer in 0..40_000 {
            counts[usize::from(network(places.honest(peer).0))] += 1;
        }
        assert!((1800..2200).contains(&counts[usize::from(HONEST)]));
        let ten: u32 = counts.iter().skip(HONEST.into()).take(10).sum();
        assert!((6000..7600).contains(&ten));
        assert_eq!(counts.iter().sum::<u32>(), 40_000);
        assert_eq!(places.honest(5), places.honest(5));
    }

    #[test]
    fn attackers_are_where_no_honest_peer_is() {
        let mut chance = Chance::new(1);
        assert!((0..1000).all(|_| network(attacker(1000, &mut chance).0) >= ATTACKERS));
        let together = Places::new(60);
        let shared = (0..1000).filter(|peer| network(together.honest(*peer).0) == SHARED).count();
        assert!((550..650).contains(&shared));
    }
}
