//! Bursts: what a protocol does for a while with many connections that it needs no longer.

use std::time::Duration;

use super::{BeginError, BurstError, Regulator, RegulatorEvent, unpoisoned};
use crate::{
    ConnectionId, StreamId,
    burst::{Burst, BurstId, BurstRoom, BurstSpec, EndedBurst, EnlistError},
    quota::{Enrollment, NotEnrolled},
};

impl Regulator {
    /// Begins a burst of a protocol, for streams that are [enlisted](Regulator::enlist) in it. It may
    /// get a smaller allowance than it asks for.
    ///
    /// # Errors
    /// The protocol was released, there is no room, or it asks for too much.
    pub fn begin_burst(
        &self,
        now: Duration,
        protocol: Enrollment,
        spec: BurstSpec,
    ) -> Result<Burst, BeginError> {
        let now = self.pass(now);
        let room = BurstRoom { share: self.share().soft(), live: self.table.live() };
        let mut bursts = unpoisoned(&self.bursts);
        // Under the lock, which who releases the protocol takes after it stored the directory.
        if !self.directory.load().has(protocol) {
            return Err(NotEnrolled.into());
        }
        Ok(bursts.begin(now, protocol.slot(), spec, room)?)
    }

    /// Enlists a stream in a burst, whose protocol it belongs to from here on: its connection counts
    /// for the burst and not for the quota, unless the protocol has other streams on it.
    ///
    /// # Errors
    /// The stream is closed, or the burst does not take it.
    pub fn enlist(
        &self,
        now: Duration,
        burst: BurstId,
        connection: ConnectionId,
        stream: StreamId,
    ) -> Result<(), BurstError> {
        let now = self.pass(now);
        let enlisted = self.table.change(connection, |held| {
            if !held.has_stream(stream) {
                return Err(BurstError::NoStream);
            }
            let mut bursts = unpoisoned(&self.bursts);
            let slot = bursts.protocol_of(burst).ok_or(EnlistError::Over)?;
            bursts.enlist(now, burst, connection, held.opened, stream)?;
            held.enlist(connection, stream, slot, &bursts);
            Ok(())
        });
        enlisted.unwrap_or(Err(BurstError::NoStream))
    }

    /// Takes a connection out of a burst, to keep it. Says whether it was in it.
    pub fn promote(&self, now: Duration, burst: BurstId, connection: ConnectionId) -> bool {
        self.pass(now);
        let promoted = self.table.change(connection, |held| {
            let mut bursts = unpoisoned(&self.bursts);
            let promoted = bursts.promote(burst, connection);
            held.look_up_bursts(connection, &bursts);
            promoted
        });
        promoted.unwrap_or(false)
    }

    /// Ends a burst: what was opened in it, was not promoted, and has no other user goes first when
    /// room is short. None: it is over already.
    pub fn end_burst(&self, now: Duration, burst: BurstId) -> Option<EndedBurst> {
        let now = self.pass(now);
        let ended = unpoisoned(&self.bursts).end(now, burst)?;
        self.settle(&ended);
        Some(ended)
    }

    /// Charges the connections of a burst that ended to its protocol.
    pub(super) fn settle(&self, ended: &EndedBurst) {
        for connection in &ended.connections {
            self.table.change(*connection, |held| {
                held.look_up_bursts(*connection, &unpoisoned(&self.bursts));
            });
        }
        self.events.send(RegulatorEvent::BurstEnded(ended.id));
    }
}
