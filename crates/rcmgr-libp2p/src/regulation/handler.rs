//! Has the muxer of its connection tell of the streams.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p_core::upgrade::DeniedUpgrade;
use libp2p_swarm::{
    ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol, handler::ConnectionEvent,
};

use super::Streams;
use crate::asked::{self, Asking};

/// Asks the muxer of its connection until that has answered. It opens no stream and keeps no
/// connection alive.
#[derive(Debug)]
pub struct RegulationHandler {
    streams: Arc<Streams>,
}

impl RegulationHandler {
    pub(super) fn new(streams: Streams) -> RegulationHandler {
        RegulationHandler { streams: Arc::new(streams) }
    }
}

impl ConnectionHandler for RegulationHandler {
    type FromBehaviour = Infallible;
    type ToBehaviour = Infallible;
    type InboundProtocol = DeniedUpgrade;
    type OutboundProtocol = DeniedUpgrade;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = ();

    fn listen_protocol(&self) -> SubstreamProtocol<DeniedUpgrade> {
        SubstreamProtocol::new(DeniedUpgrade, ())
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Infallible>> {
        if !self.streams.is_taken() {
            asked::leave(Asking::Streams, self.streams.clone(), cx);
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, _: ConnectionEvent<'_, DeniedUpgrade, DeniedUpgrade>) {}
}
