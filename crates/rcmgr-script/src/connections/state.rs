//! What a script is told of peers and times.

use std::{collections::BTreeMap, time::Duration};

use rcmgr_connmgr::{Manager, Peer};

use super::{Info, PeerState};

pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The name of a peer, as the script has it.
pub fn text(peer: &Peer) -> String {
    String::from_utf8_lossy(peer.as_bytes()).into_owned()
}

/// A peer, as an operation that asks for it is answered; none where it is unknown.
pub fn info(manager: &Manager, peer: &Peer) -> Option<Info> {
    let info = manager.tag_info(peer)?;
    let mut addrs: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for connection in &info.connections {
        addrs.entry((*connection.address).into()).or_default().push(millis(connection.opened));
    }
    let conns = info.connections.len() as u64;
    // Of two tags of one name, the verdict has room for the decaying one.
    let tags = info.tags.into_iter().chain(info.decaying);
    Some(Info {
        value: info.value,
        tags: tags.map(|(tag, value)| (tag.into(), value)).collect(),
        conns,
        first_seen: millis(info.first_seen),
        temp: conns == 0,
        addrs,
    })
}

/// A peer, as it is compared with what it was before.
pub fn state(manager: &Manager, peer: &Peer) -> Option<PeerState> {
    let Info { value, tags, conns, first_seen, temp, .. } = info(manager, peer)?;
    Some(PeerState { value, tags, conns, first_seen, temp })
}
