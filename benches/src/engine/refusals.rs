//! Streams and connections that are refused.

use std::hint::black_box;
use std::net::IpAddr;

use rcmgr_core::{
    ConnectionRequest, ConnectionScope, Direction, Error, Limit, PeerScope, Resource,
    ResourceManager, ScopeId, StreamScope,
};

use super::{Engine, Variant};
use crate::keys::Key;
use crate::stream::Room;
use crate::{Peers, Setup, Timed, Work, keys};

struct Streams {
    manager: ResourceManager,
    key: Key,
    handle: Option<PeerScope>,
    /// The one that its peer may have.
    _only: Option<StreamScope>,
}

/// Streams that their peer refuses.
pub fn streams(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    let mut limits = Engine::limits(Room::Ample);
    limits.peer = limits.peer.with(Resource::Streams, Limit::new(1));
    let manager = variant.manager(limits, 0);
    let work = |thread: usize| {
        let shares = thread > 0 && setup.peers == Peers::Shared;
        let key = keys::peer(if shares { 0 } else { thread as u64 });
        let only = (!shares).then(|| manager.open_stream(&key, Direction::Inbound)).transpose()?;
        let refused = manager.open_stream(&key, Direction::Inbound);
        let by_peer = |error: &Error| {
            let refusal = error.refusal();
            refusal.is_some_and(|refusal| matches!(refusal.scope, ScopeId::Peer(_)))
        };
        assert!(refused.as_ref().is_err_and(by_peer), "{refused:?}");
        let handle = variant.by_handles.then(|| manager.peer(&key));
        Ok(Box::new(Streams { manager: manager.clone(), key, handle, _only: only })
            as Box<dyn Work>)
    };
    (0..setup.threads).map(work).collect::<Result<_, _>>().map(Timed::Here)
}

impl Work for Streams {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            let opened = match &self.handle {
                Some(peer) => self.manager.open_stream(black_box(peer), Direction::Inbound),
                None => self.manager.open_stream(black_box(&self.key), Direction::Inbound),
            };
            drop(black_box(opened));
        }
    }
}

struct Connections {
    manager: ResourceManager,
    request: ConnectionRequest,
    /// Those that their address may have.
    _held: Vec<ConnectionScope>,
}

/// Connections that the limit of their address refuses; no rate is asked.
pub fn connections(variant: Variant, setup: &Setup) -> Result<Timed, Error> {
    /// By default.
    const EACH_ADDRESS: usize = 8;
    let manager = variant.manager(Engine::limits(Room::Ample), 0);
    let work = |thread: usize| {
        let shares = thread > 0 && setup.peers == Peers::Shared;
        let ip = IpAddr::V4(keys::address(if shares { 0 } else { thread as u32 }));
        let request = ConnectionRequest::inbound().with_file_descriptor().with_ip(ip);
        let held = if shares { 0 } else { EACH_ADDRESS };
        let held = (0..held).map(|_| manager.open_connection(request));
        let held = held.collect::<Result<_, _>>()?;
        let refused = manager.open_connection(request);
        let by_network = |error: &Error| {
            let refusal = error.refusal();
            refusal.is_some_and(|refusal| matches!(refusal.scope, ScopeId::Network(_)))
        };
        assert!(refused.as_ref().is_err_and(by_network), "{refused:?}");
        let work = Connections { manager: manager.clone(), request, _held: held };
        Ok(Box::new(work) as Box<dyn Work>)
    };
    (0..setup.threads).map(work).collect::<Result<_, _>>().map(Timed::Here)
}

impl Work for Connections {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            drop(black_box(self.manager.open_connection(black_box(self.request))));
        }
    }
}
