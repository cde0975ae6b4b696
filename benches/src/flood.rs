//! Connections from ever new addresses, as one who has many of them opens them. No sockets: only
//! the calls that the engine would see.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rcmgr_core::{ConnectionRequest, ResourceManager};

/// Whose addresses are sprayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Each an address of its own.
    V4,
    /// Ten /56 of each /48. By default the limits have an entry for each of both.
    V6,
}

/// How many connections of IPv6 come from the same /48.
pub const EACH_48: u32 = 10;

/// How far the clock goes on from one connection to the next: ten thousand come in a second.
pub const PACE: Duration = Duration::from_micros(100);

impl Family {
    /// The address of one of the connections. Neighbours in time are far apart, as in a hash table
    /// they would be anyway; none is a loopback address.
    pub fn address(self, number: u32) -> IpAddr {
        match self {
            Family::V4 => {
                // 24 bits of them: an odd factor maps them one to one.
                let scattered = number.wrapping_mul(0x9e37_79b1) & 0x00ff_ffff;
                Ipv4Addr::from(0x0a00_0000 | scattered).into()
            }
            Family::V6 => {
                let (wide, narrow) = (number / EACH_48, number % EACH_48);
                let scattered = wide.wrapping_mul(0x9e37_79b1);
                let (high, low) = ((scattered >> 16) as u16, scattered as u16);
                Ipv6Addr::new(0x2001, high, low, (narrow as u16) << 8, 0, 0, 0, 1).into()
            }
        }
    }

    /// How many subnets so many connections are in, of those that the default limits and rates are
    /// about.
    pub fn subnets(self, connections: u32) -> usize {
        let wide = match self {
            Family::V4 => 0,
            Family::V6 => connections.div_ceil(EACH_48),
        };
        (connections + wide) as usize
    }

    /// One of the connections as it is asked for.
    pub fn request(self, number: u32) -> ConnectionRequest {
        ConnectionRequest::inbound().with_ip(self.address(number)).at(PACE * number)
    }
}

/// Forgets all that nobody uses, an hour after the last of so many connections.
pub fn collect(manager: &ResourceManager, connections: u32) {
    manager.collect();
    manager.collect_rates(PACE * connections + Duration::from_secs(3600));
}
