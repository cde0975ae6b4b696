//! The transport of a connection, read off its address.

use libp2p_core::{Multiaddr, multiaddr::Protocol};
use rcmgr_core::Transport;

/// The transport of a connection with this address: the one that is dialed, or the local one of an
/// inbound connection, which alone says that it is a circuit. The last part that names a transport
/// decides, since each runs on top of those before it. `/unix` is another, and so is an address that
/// has yet to be resolved and does not say how the connection comes, such as `/dnsaddr`.
pub(crate) fn transport_of(address: &Multiaddr) -> Transport {
    let transports = address.iter().filter_map(|part| match part {
        Protocol::Tcp(_) => Some(Transport::Tcp),
        Protocol::Quic | Protocol::QuicV1 => Some(Transport::Quic),
        Protocol::Ws(_) | Protocol::Wss(_) => Some(Transport::Websocket),
        Protocol::WebRTC | Protocol::WebRTCDirect => Some(Transport::Webrtc),
        Protocol::WebTransport => Some(Transport::Webtransport),
        Protocol::P2pCircuit => Some(Transport::Relay),
        Protocol::Memory(_) => Some(Transport::Memory),
        _ => None,
    });
    transports.last().unwrap_or(Transport::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_part_that_names_a_transport_decides() {
        let relay = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        let circuit = format!("/ip4/192.0.2.7/tcp/4001/p2p/{relay}/p2p-circuit");
        let cases = [
            ("/ip4/192.0.2.7/tcp/4001", Transport::Tcp),
            (&format!("/dns4/example.com/tcp/4001/p2p/{relay}"), Transport::Tcp),
            ("/ip4/192.0.2.7/udp/4001/quic", Transport::Quic),
            ("/ip6/2001:db8::7/udp/4001/quic-v1", Transport::Quic),
            ("/ip4/192.0.2.7/tcp/80/ws", Transport::Websocket),
            ("/dns/example.com/tcp/443/wss", Transport::Websocket),
            ("/dns/example.com/tcp/443/tls/ws", Transport::Websocket),
            ("/ip4/192.0.2.7/udp/9000/webrtc-direct", Transport::Webrtc),
            ("/ip4/192.0.2.7/udp/4001/quic-v1/webtransport", Transport::Webtransport),
            (&circuit, Transport::Relay),
            (&format!("{circuit}/p2p/{relay}"), Transport::Relay),
            (&format!("{circuit}/webrtc/p2p/{relay}"), Transport::Webrtc),
            ("/memory/7", Transport::Memory),
            ("/unix/run%2Fnode.sock", Transport::Other),
            ("/dnsaddr/bootstrap.libp2p.io", Transport::Other),
            ("/ip4/192.0.2.7/udp/4001", Transport::Other),
            ("", Transport::Other),
        ];
        for (address, expected) in cases {
            assert_eq!(transport_of(&address.parse().unwrap()), expected, "{address}");
        }
    }
}
