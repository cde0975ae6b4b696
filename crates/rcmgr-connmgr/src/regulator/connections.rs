//! What a regulator is told of connections and streams.

use std::{num::NonZeroU32, sync::atomic::Ordering::Relaxed, time::Duration};

use rcmgr_machine::Readings;

use super::{Regulator, held::Held, told::Opened, unpoisoned};
use crate::{
    ConnectionId, Direction, OpenError, StreamId,
    quota::{Enrollment, NotEnrolled},
    sense::DialFailure,
};

impl Regulator {
    /// Takes in a connection. Grace begins, and tags that were set before stay. Never closes: who has
    /// to go is decided by [`Regulator::poll`].
    ///
    /// # Errors
    /// It is open already, its address is too long, or there are too many.
    pub fn connection_opened(&self, now: Duration, opened: Opened<'_>) -> Result<(), OpenError> {
        let Opened { peer, id, direction, address, network, descriptor } = opened;
        let now = self.pass(now);
        if self.table.look(id, |_| ()).is_some() {
            return Err(OpenError::AlreadyOpen);
        }
        let network = self.networks.of(network);
        // The table is last: once a connection is there, a round may have it closed, and what closes it
        // forgets it everywhere.
        self.manager.connection_opened(now, peer, id, direction, address.clone(), 0)?;
        let locks = self.peers.join(peer, &self.locks);
        let live = self.table.insert(id, |cell| {
            // A cell that was used up makes way for a new one, which can be opened.
            let (cell, live) = match cell.open(now, &locks) {
                Some(live) => (cell, live),
                None => {
                    let cell = self.table.new_cell();
                    let live = cell.open(now, &locks)?;
                    (cell, live)
                }
            };
            let mut held = Held::new(peer.clone(), direction, address, network, now, cell, live);
            held.descriptor = descriptor;
            Some(held)
        });
        let Some(live) = live else {
            // Another thread took in another peer's connection with that number meanwhile.
            self.peers.leave(peer);
            self.manager.connection_closed(peer, id);
            return Err(OpenError::AlreadyOpen);
        };
        self.opened.fetch_add(1, Relaxed);
        if live == self.soft.load(Relaxed).saturating_add(1) {
            self.wake.wake();
        }
        Ok(())
    }

    /// Forgets a connection that was closed, by whomever, and with the last one the tags of its peer.
    /// Locks on it are void. Says whether it was known.
    pub fn connection_closed(&self, now: Duration, connection: ConnectionId) -> bool {
        self.pass(now);
        let Some(held) = self.table.remove(connection) else { return false };
        if held.in_bursts {
            unpoisoned(&self.bursts).connection_closed(connection);
        }
        self.manager.connection_closed(&held.peer, connection);
        self.peers.leave(&held.peer);
        true
    }

    /// Takes in a stream, whose protocol need not be known.
    pub fn stream_opened(
        &self,
        now: Duration,
        connection: ConnectionId,
        stream: StreamId,
        direction: Direction,
    ) {
        let (now, most) = (self.pass(now), self.streams_per_connection);
        self.table.change(connection, |held| held.open_stream(stream, direction, now.into(), most));
    }

    /// Learns the protocol of a stream: it belongs to all protocols that are enrolled and that a
    /// matcher of theirs fits. Streams whose protocol was told before its enrollment stay without.
    pub fn stream_protocol(
        &self,
        now: Duration,
        connection: ConnectionId,
        stream: StreamId,
        protocol: &str,
    ) {
        self.pass(now);
        self.table.change(connection, |held| {
            // Loaded under the lock: who releases a protocol stores the directory before it looks at
            // this shard, so that nothing is attached after that.
            let slots = self.directory.load().routes.slots_of(protocol);
            slots.iter().filter(|slot| held.attach(stream, *slot)).for_each(drop);
        });
    }

    /// Gives a stream to a protocol, whatever its name. Says whether the stream is known.
    ///
    /// # Errors
    /// The protocol was released.
    pub fn attach(
        &self,
        now: Duration,
        connection: ConnectionId,
        stream: StreamId,
        protocol: Enrollment,
    ) -> Result<bool, NotEnrolled> {
        self.pass(now);
        let attach = |held: &mut Held| {
            let is_enrolled = self.directory.load().has(protocol);
            is_enrolled.then(|| held.attach(stream, protocol.slot())).ok_or(NotEnrolled)
        };
        self.table.change(connection, attach).unwrap_or(Ok(false))
    }

    /// Notes that a stream carried something, for [scorers](crate::Scorer): so many bytes more.
    pub fn stream_carried(
        &self,
        now: Duration,
        connection: ConnectionId,
        stream: StreamId,
        bytes_in: u64,
        bytes_out: u64,
    ) {
        let now = self.pass(now);
        self.table.change(connection, |held| held.carry(stream, now.into(), bytes_in, bytes_out));
    }

    /// Forgets a stream.
    pub fn stream_closed(&self, now: Duration, connection: ConnectionId, stream: StreamId) {
        let now = self.pass(now);
        self.table.change(connection, |held| {
            held.close_stream(stream, now);
            if held.in_bursts {
                let mut bursts = unpoisoned(&self.bursts);
                bursts.stream_closed(connection, stream);
                held.cover(connection, &bursts);
            }
        });
    }

    /// Notes that a connection was of use to a protocol: it answered, it brought what was wanted.
    /// Bytes alone are no use, as anybody can send some.
    pub fn used(&self, now: Duration, connection: ConnectionId) {
        let now = self.pass(now);
        self.table.change(connection, |held| held.use_at(now));
    }

    /// Notes how long the other side took to answer. The shortest counts.
    pub fn measured_rtt(&self, connection: ConnectionId, rtt: Duration) {
        let micros = u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX).max(1);
        let rtt = NonZeroU32::new(micros);
        self.table.change(connection, |held| held.rtt = held.rtt.into_iter().chain(rtt).min());
    }

    /// Notes how a dial ended; of a peer that was known as good, or not. What that means is assessed in
    /// the next poll.
    pub fn dialed(&self, now: Duration, result: Result<(), DialFailure>, known_good: bool) {
        let now = self.pass(now);
        unpoisoned(&self.steering).senses.dialed(now, result, known_good);
        if result == Err(DialFailure::Descriptors) {
            self.wake.wake();
        }
    }

    /// Notes that something other than a dial failed for want of a descriptor: to accept a connection,
    /// to open a file.
    pub fn lacked_descriptor(&self, now: Duration) {
        let now = self.pass(now);
        unpoisoned(&self.steering).senses.lacked_descriptor(now);
        self.wake.wake();
    }

    /// Whether the next [readings](Regulator::sensed) should count the open descriptors.
    pub fn wants_open_descriptors(&self, now: Duration) -> bool {
        unpoisoned(&self.steering).senses.wants_open(self.pass(now))
    }

    /// Takes what was read of the machine, once a second, say, and how many descriptors the engine has
    /// counted in its system scope.
    pub fn sensed(&self, now: Duration, counted_descriptors: Option<u64>, readings: &Readings) {
        let now = self.pass(now);
        unpoisoned(&self.steering).senses.take(now, counted_descriptors, readings);
        self.wake.wake();
    }
}
