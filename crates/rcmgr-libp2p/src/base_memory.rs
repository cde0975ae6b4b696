//! How much memory connections and streams take by themselves.

use crate::{Carrier, Transport};

/// The bytes that each connection and each stream reserves, by its transport.
///
/// They are reservations, not measurements: they say how much memory a connection or a stream may
/// be assumed to take, and nothing watches whether it does. libp2p tells nobody when a muxer or a
/// handler allocates.
///
/// By default they are:
///
/// - 64 KiB for a connection, and 96 KiB for one over QUIC. An idle one with its handlers was
///   measured at 53 KB over TCP with noise and yamux, and at 95 KB over QUIC.
/// - 256 KiB for a stream: yamux's receive window at its start, which is what the remote party can
///   make this node hold on a stream that nobody reads. go-libp2p reserves the same. A node with
///   many quiet streams may set less, and then relies on its handlers to read.
///
/// ```
/// use rcmgr_libp2p::{BaseMemory, Carrier, Transport};
///
/// let base = BaseMemory::default().with(Transport::Tcp, Carrier::Connection, 80 << 10);
/// assert_eq!(base.get(Transport::Tcp, Carrier::Connection), 80 << 10);
/// assert_eq!(base.get(Transport::Quic, Carrier::Connection), 96 << 10);
/// assert_eq!(base.get(Transport::Quic, Carrier::Stream), 256 << 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BaseMemory {
    connection: [u64; Transport::ALL.len()],
    stream: [u64; Transport::ALL.len()],
}

impl BaseMemory {
    /// The same amounts, in bytes, over every transport.
    pub const fn all(connection: u64, stream: u64) -> Self {
        BaseMemory {
            connection: [connection; Transport::ALL.len()],
            stream: [stream; Transport::ALL.len()],
        }
    }

    /// Another amount, in bytes, for the connections or the streams over one transport.
    #[must_use]
    pub const fn with(mut self, transport: Transport, carrier: Carrier, bytes: u64) -> Self {
        match carrier {
            Carrier::Connection => self.connection[transport as usize] = bytes,
            Carrier::Stream => self.stream[transport as usize] = bytes,
        }
        self
    }

    /// The bytes that a connection, or a stream, over this transport reserves.
    pub const fn get(&self, transport: Transport, carrier: Carrier) -> u64 {
        match carrier {
            Carrier::Connection => self.connection[transport as usize],
            Carrier::Stream => self.stream[transport as usize],
        }
    }
}

impl Default for BaseMemory {
    fn default() -> Self {
        BaseMemory::all(64 << 10, 256 << 10).with(Transport::Quic, Carrier::Connection, 96 << 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_transport_and_carrier_has_an_amount_of_its_own() {
        let carriers = [Carrier::Connection, Carrier::Stream];
        let places = Transport::ALL
            .into_iter()
            .flat_map(|transport| carriers.into_iter().map(move |carrier| (transport, carrier)));
        let base = places
            .clone()
            .zip(1..)
            .fold(BaseMemory::all(0, 0), |base, ((transport, carrier), bytes)| {
                base.with(transport, carrier, bytes)
            });
        for ((transport, carrier), bytes) in places.zip(1..) {
            assert_eq!(base.get(transport, carrier), bytes, "{transport:?} {carrier:?}");
        }
    }
}
