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
            answer: "Streams of a peer, where a burst finds so many open at once. That is seldom: most are \
                gone before the next is looked at.",
            loses: "Limits are on what is open at once, and a stream that is reset has left. There is \
                no rate of streams, so nothing bounds how many come and go, and a refused stream is \
                not much cheaper than one that is opened and reset: each is a reset frame to be \
                written. Both runs take what the core has. Honest clients are served since the node's \
                tasks take turns, and later than without the attack.",
        },
        Attack::StalledStreams => Words {
            does: "Eight connections open 500 streams each, which ask for the list of protocols over \
                and over until their windows of 256 KiB are full, and never take an answer. The node \
                cannot write, so it stops reading, and keeps what has come.",
            answer: "Streams and memory of a peer, with a window reserved for each stream: others are \
                reset at once.",
            loses: "The reset cannot be sent to somebody who takes nothing, and until it is sent, \
                yamux 0.14 keeps the stream and its window, though it was dropped: up to 512 windows, \
                128 MiB, for each connection, which no limit of streams sees. What is reserved stays \
                in the budget; what is resident does not. Only fewer connections, or a lower \
                `max_num_streams` of yamux, bound it today. The data of a refused stream has to be \
                received and decrypted besides, which is what a refusal costs here.",
        },
        Attack::ProtocolSpray => Words {
            does: "Over eight connections, streams propose 16 protocols each that nobody has, every \
                name only once, and stay open. Without limits each name is read, looked for and \
                answered in a frame of its own.",
            answer: "Streams of a peer: so many of them are answered, others are refused with all their \
                names. No name makes a scope, since names count once the node has agreed to them.",
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
                connection, yamux keeps 256 waiting.",
            answer: "Connections by /24 let few of them in, streams of a peer refuse the rest.",
            loses: "Those that are let in hold their places until libp2p gives up the negotiation, \
                after ten seconds.",
        },
    }
}
