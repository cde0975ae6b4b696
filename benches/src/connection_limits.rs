//! What rust-libp2p has of its own: the behaviour of `libp2p-connection-limits`.

use std::hint::black_box;

use libp2p_connection_limits::{Behaviour, ConnectionLimits};
use libp2p_core::{ConnectedPoint, Multiaddr};
use libp2p_identity::PeerId;
use libp2p_swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p_swarm::{ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour};

use crate::repeat::repeat;
use crate::{Cannot, Contender, Scenario, Setup, Timed, Work, keys};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "libp2p-connection-limits",
    note: "Its `Behaviour`, called as a swarm calls it for an inbound connection: pending, \
           established, told of both ends of its life. Each of its limits is set: pending, \
           established, total and by peer. It counts connections only: no memory, streams, \
           descriptors, addresses or rates. It belongs to one swarm and its task. It keeps an entry \
           for each peer that ever had a connection.",
    prepare,
};

/// A limit that no scenario reaches.
const AMPLE: u32 = 1 << 30;

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::Connection if setup.threads > 1 => Err("it belongs to one task".into()),
        Scenario::Connection => {
            let mut swarm = Swarm::new(AMPLE);
            let peer = peer_id(1);
            Ok(one(repeat(move || {
                let connection = swarm.connect(peer);
                swarm.close(black_box(connection.expect("there is room")));
            })))
        }
        Scenario::BytesConnection => {
            let mut swarm = Swarm::new(AMPLE);
            let peer = peer_id(1);
            // What it keeps of them; nobody has to hold more.
            Ok(one(repeat(move || assert!(swarm.connect(peer).is_ok(), "there is room"))))
        }
        Scenario::Swap => Err("its limits change with `&mut`, on its task".into()),
        Scenario::Connection10kIps | Scenario::RefusedIp => Err("it knows no addresses".into()),
        Scenario::Stats10k | Scenario::Stats1m => Err("it shows no counts".into()),
        Scenario::Collect1m => Err("it forgets no peers".into()),
        _ => Err("it counts connections only".into()),
    }
}

fn one(work: Box<dyn Work>) -> Timed {
    Timed::Here(vec![work])
}

/// A swarm, as far as the behaviour sees of one.
struct Swarm {
    limits: Behaviour,
    local: Multiaddr,
    remote: Multiaddr,
    /// What the behaviour is told with each connection.
    endpoint: ConnectedPoint,
    opened: usize,
}

/// A connection that is established, as the swarm knows it.
#[derive(Debug)]
struct Connection {
    id: ConnectionId,
    peer: PeerId,
}

impl Swarm {
    /// One with so much room for the connections of a peer, and with ample room otherwise.
    fn new(per_peer: u32) -> Self {
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(AMPLE))
            .with_max_pending_outgoing(Some(AMPLE))
            .with_max_established_incoming(Some(AMPLE))
            .with_max_established_outgoing(Some(AMPLE))
            .with_max_established(Some(AMPLE))
            .with_max_established_per_peer(Some(per_peer));
        let (local, remote) = (Multiaddr::empty(), Multiaddr::empty());
        let endpoint =
            ConnectedPoint::Listener { local_addr: local.clone(), send_back_addr: remote.clone() };
        Swarm { limits: Behaviour::new(limits), local, remote, endpoint, opened: 0 }
    }

    /// An inbound connection comes, and turns out to be of a peer.
    ///
    /// A swarm also reports a connection that was refused. The behaviour has forgotten it by then, so
    /// that is left out here.
    fn connect(&mut self, peer: PeerId) -> Result<Connection, ConnectionDenied> {
        let id = ConnectionId::new_unchecked(self.opened);
        self.opened += 1;
        let Swarm { limits, local, remote, .. } = self;
        limits.handle_pending_inbound_connection(id, local, remote)?;
        limits.handle_established_inbound_connection(id, peer, local, remote)?;
        limits.on_swarm_event(FromSwarm::ConnectionEstablished(ConnectionEstablished {
            peer_id: peer,
            connection_id: id,
            endpoint: &self.endpoint,
            failed_addresses: &[],
            other_established: 0,
        }));
        Ok(Connection { id, peer })
    }

    fn close(&mut self, connection: Connection) {
        self.limits.on_swarm_event(FromSwarm::ConnectionClosed(ConnectionClosed {
            peer_id: connection.peer,
            connection_id: connection.id,
            endpoint: &self.endpoint,
            cause: None,
            remaining_established: 0,
        }));
    }
}

fn peer_id(number: u64) -> PeerId {
    PeerId::from_bytes(&keys::peer(number)).expect("it is that of an Ed25519 key")
}

#[cfg(test)]
mod tests {
    use libp2p_connection_limits::Exceeded;

    use super::*;

    #[test]
    fn a_connection_is_admitted_until_its_peer_has_its_number_and_again_after_one_closes() {
        let mut swarm = Swarm::new(2);
        let peer = peer_id(1);
        let first = swarm.connect(peer).expect("there is room for two");
        let second = swarm.connect(peer).expect("there is room for two");
        let denied = swarm.connect(peer).expect_err("there is no room for a third");
        let exceeded = denied.downcast::<Exceeded>().expect("it was refused by a limit");
        assert_eq!(exceeded.limit(), 2);
        let other = swarm.connect(peer_id(2)).expect("others have room of their own");
        swarm.close(first);
        let third = swarm.connect(peer).expect("there is room again");
        for connection in [second, third, other] {
            swarm.close(connection);
        }
        assert!(swarm.connect(peer).is_ok());
    }

    #[test]
    fn what_is_pending_does_not_stay_when_it_is_refused() {
        let mut swarm = Swarm::new(0);
        *swarm.limits.limits_mut() = ConnectionLimits::default()
            .with_max_pending_incoming(Some(1))
            .with_max_established_per_peer(Some(0));
        for _ in 0..3 {
            let denied = swarm.connect(peer_id(1)).expect_err("there is no room");
            let exceeded = denied.downcast::<Exceeded>().expect("it was refused by a limit");
            assert_eq!(exceeded.limit(), 0, "not by that of pending ones");
        }
    }
}
