//! What the book says of each attack, apart from numbers.

use super::kind::Attack;

/// An attack in words.
pub struct Words {
    /// What it does.
    pub does: &'static str,
    /// What of the limits answers it.
    pub answer: &'static str,
    /// What the limits do not stop.
    pub loses: &'static str,
}

pub const fn words(attack: Attack) -> Words {
    match attack {
        Attack::ConnectionFlood => Words {
            does: "Each connection comes from another address, of four networks of /16, and sends the \
                first message of a noise handshake, always the same. Without limits the node answers \
                each with a key and two exchanges, and keeps it until its handshake times out.",
            answer: "Rates by /24 and /16, and connections by /16, before the handshake: a refused \
                connection costs its acceptance and nothing else.",
            loses: "The node still has to accept what it refuses. And an attacker who has as many \
                networks as the honest clients cannot be told from them by address: then the limit of \
                unfinished handshakes bounds the node, and is shared by all.",
        },
        Attack::SlowHandshakes => Words {
            does: "Connections send their first proposal a byte at a time, four a second, until the \
                node gives up. Without limits they take all descriptors, so that nobody else can \
                connect; whoever is connected goes on.",
            answer: "Rates by /24 and connections by /16, before the handshake. What they let in is \
                below the limit of unfinished handshakes, and below that of descriptors.",
            loses: "What is let in holds its place for the whole time of a handshake.",
        },
        Attack::RapidReset => Words {
            does: "Streams that begin a request are opened in bursts of 100, over eight connections, \
                and reset in the same breath.",
            answer: "The rate of streams of a connection: what comes faster stays in the muxer, which \
                resets it unread, before any negotiation.",
            loses: "A stream that is reset has left, so no limit of what is open at once sees it. Each \
                still costs the frames that open and reset it, which have to be received and decrypted. \
                libp2p's own muxer would keep 256 of those that wait, instead of 8.",
        },
        Attack::StalledStreams => Words {
            does: "Eight connections open 500 streams each, which ask for the list of protocols over \
                and over until their windows of 256 KiB are full, and never take an answer. The node \
                cannot write, so it stops reading, and keeps what has come.",
            answer: "Streams and memory of a peer, with a window reserved for each stream, and the rate \
                of streams: others are reset at once. The reset cannot be sent to somebody who takes \
                nothing, and yamux keeps what has come until it is. So the muxer bounds how many \
                dropped streams a connection may have, and reads no more from it then.",
            loses: "The windows of those few are not reserved: up to 64 windows, 16 MiB, for each \
                connection, of which the limits of addresses and peers let in few. And the data of a \
                refused stream has to be received and decrypted, which is what a refusal costs here. \
                libp2p's own muxer keeps up to 512 windows for each connection.",
        },
        Attack::ProtocolSpray => Words {
            does: "Over eight connections, streams propose 16 protocols each that nobody has, every \
                name only once, and stay open. Without limits each name is read, looked for and \
                answered in a frame of its own.",
            answer: "The rate of streams, and the streams of a peer: so many are answered, others are reset \
                with all their names unread. No name makes a scope, since names count once the node has \
                agreed to them.",
            loses: "Nothing bounds how many names one admitted stream proposes after the other.",
        },
        Attack::PeerSpray => Words {
            does: "Each connection finishes its handshake with a key that was never seen, from \
                another address of four networks of /16, and stays. Without limits they take all \
                descriptors.",
            answer: "Rates by /24 and connections by /16. Limits of a peer cannot help, as each peer \
                comes once.",
            loses: "As with the flood, an attacker with as many networks as the honest clients would \
                share the limits of the system with them.",
        },
        Attack::NegotiationSlowLoris => Words {
            does: "Over up to 64 connections of one /24, streams send most of a protocol's name of \
                16 KB, and the rest a byte a second. libp2p negotiates 128 at once for each \
                connection, its yamux keeps 256 waiting.",
            answer: "Connections by /24 let few of them in, streams of a peer refuse the rest.",
            loses: "Those that are let in hold their places until libp2p gives up the negotiation, \
                after ten seconds.",
        },
    }
}
