//! Who may still connect while the node is short of something.

use std::net::IpAddr;

use libp2p_core::Multiaddr;
use rcmgr_connmgr::sense::Level;
use rcmgr_core::{Rate, ipnet::IpNet};

use crate::{pace::Bucket, transport::ip};

/// Who may still connect while the node's environment is bad.
///
/// | level | inbound | outbound |
/// |---|---|---|
/// | normal, elevated | all | all |
/// | high | as fast as [`inbound`](Gate::inbound) says | all |
/// | critical | none | to protected peers |
///
/// The networks of [`always`](Gate::always) are asked at no level. Those who are turned away
/// before the handshake see the connection close; here the swarm tells of a denied connection, in
/// which [`GateClosed`] is the cause.
///
/// ```
/// use rcmgr_core::Rate;
/// use rcmgr_libp2p::Gate;
///
/// let gate = Gate {
///     inbound: Rate::new(1.0, 4)?,
///     always: vec!["10.0.0.0/8".parse()?],
/// };
/// # let _ = gate;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// How fast inbound connections may come while the level is high. The default is 2 a second,
    /// and 8 at once.
    pub inbound: Rate,
    /// Networks that may connect at any level, and be dialed; none by default.
    pub always: Vec<IpNet>,
}

impl Default for Gate {
    fn default() -> Gate {
        let inbound = Rate::new(2.0, 8).expect("a rate of 2 a second is one");
        Gate { inbound, always: Vec::new() }
    }
}

/// A connection is turned away for the state of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the node is short of memory or descriptors ({}): try again later", level.name())]
pub struct GateClosed {
    /// How bad it is.
    pub level: Level,
}

/// A gate at which connections arrive.
#[derive(Debug)]
pub(super) struct Porter {
    gate: Gate,
    inbound: Bucket,
}

impl Porter {
    pub fn new(gate: Gate) -> Porter {
        Porter { inbound: Bucket::new(gate.inbound), gate }
    }

    /// Whether an inbound connection may go on to its handshake.
    pub fn inbound(&mut self, level: Level, from: &Multiaddr) -> Result<(), GateClosed> {
        let may = match level {
            Level::Normal | Level::Elevated => true,
            _ if self.is_always(ip(from)) => true,
            Level::High => self.inbound.try_take(),
            Level::Critical => false,
        };
        if may { Ok(()) } else { Err(GateClosed { level }) }
    }

    /// Whether a peer may be dialed, by any of these addresses.
    pub fn outbound(
        &self,
        level: Level,
        is_protected: impl FnOnce() -> bool,
        to: &[Multiaddr],
    ) -> Result<(), GateClosed> {
        let may = level < Level::Critical
            || to.iter().any(|address| self.is_always(ip(address)))
            || is_protected();
        if may { Ok(()) } else { Err(GateClosed { level }) }
    }

    fn is_always(&self, ip: Option<IpAddr>) -> bool {
        ip.is_some_and(|ip| self.gate.always.iter().any(|net| net.contains(&ip.to_canonical())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn porter(burst: u32) -> Porter {
        let inbound = Rate::new(1e-9, burst).unwrap();
        Porter::new(Gate { inbound, always: vec!["10.0.0.0/8".parse().unwrap()] })
    }

    #[test]
    fn inbound_connections_are_paced_when_it_is_high_and_refused_when_it_is_critical() {
        let stranger: Multiaddr = "/ip4/192.0.2.7/tcp/1".parse().unwrap();
        let friend: Multiaddr = "/ip4/10.1.2.3/tcp/1".parse().unwrap();
        let mut porter = porter(2);
        for level in [Level::Normal, Level::Elevated] {
            assert!((0..5).all(|_| porter.inbound(level, &stranger).is_ok()));
        }
        let high = [(); 3].map(|()| porter.inbound(Level::High, &stranger).is_ok());
        assert_eq!(high, [true, true, false]);
        assert!(porter.inbound(Level::High, &friend).is_ok());
        let closed = Err(GateClosed { level: Level::Critical });
        assert_eq!(porter.inbound(Level::Critical, &stranger), closed);
        assert!(porter.inbound(Level::Critical, &friend).is_ok());
    }

    #[test]
    fn only_protected_peers_are_dialed_when_it_is_critical() {
        let porter = porter(0);
        let to = ["/ip4/192.0.2.7/tcp/1".parse().unwrap()];
        let friend = ["/ip4/10.1.2.3/tcp/1".parse().unwrap()];
        assert!(porter.outbound(Level::High, || false, &to).is_ok());
        assert!(porter.outbound(Level::Critical, || false, &to).is_err());
        assert!(porter.outbound(Level::Critical, || false, &[]).is_err());
        assert!(porter.outbound(Level::Critical, || true, &[]).is_ok());
        assert!(porter.outbound(Level::Critical, || false, &friend).is_ok());
    }

    #[test]
    fn an_address_that_is_mapped_is_known() {
        let mut porter = porter(0);
        let mapped = "/ip6/::ffff:10.1.2.3/tcp/1".parse().unwrap();
        assert!(porter.inbound(Level::Critical, &mapped).is_ok());
    }
}
