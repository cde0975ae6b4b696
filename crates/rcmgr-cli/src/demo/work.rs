//! The protocol that the node serves: work that needs memory for a while.

use std::time::Duration;

use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport, json},
};
use serde::{Deserialize, Serialize};

/// The name under which streams negotiate it.
pub const PROTOCOL: StreamProtocol = StreamProtocol::new("/rcmgr-demo/work/1");

/// How long a request may take, at either end.
pub const TIMEOUT: Duration = Duration::from_secs(4);
/// The longest that the node holds memory for a request, whatever the request says.
pub const LONGEST_HOLD: Duration = Duration::from_secs(1);
/// Requests and answers are a few numbers; whoever sends more is cut off.
const MESSAGE_SIZE: u64 = 256;

/// A request.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Work {
    /// Comes back with the answer.
    pub id: u64,
    /// Bytes that the work needs.
    pub memory: u64,
    /// For how long, in milliseconds.
    pub hold_ms: u64,
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// The work is done.
    Done {
        /// The request's.
        id: u64,
    },
    /// The node's limits leave no room for it.
    NoRoom,
}

pub type Behaviour = json::Behaviour<Work, Answer>;
pub type Event = request_response::Event<Work, Answer>;

/// The protocol at one end.
pub fn behaviour(support: ProtocolSupport) -> Behaviour {
    let codec = json::codec::Codec::default()
        .set_request_size_maximum(MESSAGE_SIZE)
        .set_response_size_maximum(MESSAGE_SIZE);
    let config = request_response::Config::default().with_request_timeout(TIMEOUT);
    Behaviour::with_codec(codec, [(PROTOCOL, support)], config)
}
