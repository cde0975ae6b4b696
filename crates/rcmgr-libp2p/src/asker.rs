//! The handler that asks the muxer of its connection.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use libp2p_core::upgrade::DeniedUpgrade;
use libp2p_swarm::{
    ConnectionHandler, ConnectionHandlerEvent, SubstreamProtocol, handler::ConnectionEvent,
};

use crate::asked::{self, Note};

/// Asks the muxer of its connection until that has answered. It opens no stream and keeps no
/// connection alive.
pub struct Asker<N> {
    note: Arc<N>,
    told: bool,
}

/// The muxer has answered.
#[derive(Clone, Copy, Debug)]
pub struct Answered;

impl<N> Asker<N> {
    pub(crate) fn new(note: Arc<N>) -> Self {
        Asker { note, told: false }
    }
}

impl<N> fmt::Debug for Asker<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asker").field("told", &self.told).finish_non_exhaustive()
    }
}

impl<N: Note> ConnectionHandler for Asker<N> {
    type FromBehaviour = Infallible;
    type ToBehaviour = Answered;
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
    ) -> Poll<ConnectionHandlerEvent<DeniedUpgrade, (), Answered>> {
        if self.told {
            return Poll::Pending;
        }
        if self.note.is_answered() {
            self.told = true;
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Answered));
        }
        asked::leave(self.note.clone(), cx);
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, event: Infallible) {
        match event {}
    }

    fn on_connection_event(&mut self, _: ConnectionEvent<'_, DeniedUpgrade, DeniedUpgrade>) {}
}
