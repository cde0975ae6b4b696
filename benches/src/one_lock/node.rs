//! A node under one lock: what peers, protocols and services hold, in hash maps.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::keys::Key;
use crate::stream::AMPLE;

/// Streams and connections of a scope, each under a limit.
#[derive(Clone, Copy, Debug, Default)]
struct Scope {
    streams: u64,
    connections: u64,
}

impl Scope {
    fn is_idle(&self) -> bool {
        self.streams == 0 && self.connections == 0
    }
}

#[derive(Debug, Default)]
struct Peer {
    scope: Scope,
    protocols: HashMap<&'static str, Scope>,
    services: HashMap<&'static str, Scope>,
}

#[derive(Debug)]
struct Scopes {
    /// How many streams a peer may have; all other scopes have room for [`AMPLE`].
    streams_of_peer: u64,
    system: Scope,
    transient: Scope,
    peers: HashMap<Key, Peer>,
    protocols: HashMap<&'static str, Scope>,
    services: HashMap<&'static str, Scope>,
}

/// One `std::sync::Mutex` around everything. A peer is forgotten with its last stream or connection.
#[derive(Clone, Debug)]
pub struct Node {
    scopes: Arc<Mutex<Scopes>>,
}

/// A stream of a node, until it is dropped.
#[derive(Debug)]
pub struct Stream {
    node: Node,
    peer: Key,
    protocol: Option<&'static str>,
    service: Option<&'static str>,
}

/// A connection of a node, until it is dropped.
#[derive(Debug)]
pub struct Connection {
    node: Node,
    peer: Option<Key>,
}

/// Some scope has no room. It is not told which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// One more, if it fits.
fn take(count: &mut u64, limit: u64) -> Result<(), Full> {
    if *count >= limit {
        return Err(Full);
    }
    *count += 1;
    Ok(())
}

fn fits(count: u64) -> Result<(), Full> {
    if count < AMPLE { Ok(()) } else { Err(Full) }
}

impl Node {
    /// A node whose peers may have so many streams each.
    pub fn new(streams_of_peer: u64) -> Self {
        let scopes = Scopes {
            streams_of_peer,
            system: Scope::default(),
            transient: Scope::default(),
            peers: HashMap::new(),
            protocols: HashMap::new(),
            services: HashMap::new(),
        };
        Node { scopes: Arc::new(Mutex::new(scopes)) }
    }

    fn lock(&self) -> MutexGuard<'_, Scopes> {
        // Whoever panicked here did so before or after a change, never within.
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream in its peer, transient and system.
    ///
    /// # Errors
    /// Where one of them is full.
    pub fn open_stream(&self, peer: &Key) -> Result<Stream, Full> {
        {
            let scopes = &mut *self.lock();
            fits(scopes.transient.streams)?;
            fits(scopes.system.streams)?;
            let limit = scopes.streams_of_peer;
            match scopes.peers.get_mut(peer) {
                Some(known) => take(&mut known.scope.streams, limit)?,
                None => {
                    let mut new = Peer::default();
                    take(&mut new.scope.streams, limit)?;
                    scopes.peers.insert(*peer, new);
                }
            }
            scopes.transient.streams += 1;
            scopes.system.streams += 1;
        }
        Ok(Stream { node: self.clone(), peer: *peer, protocol: None, service: None })
    }

    /// Opens a connection in transient and system.
    ///
    /// # Errors
    /// Where one of them is full.
    pub fn open_connection(&self) -> Result<Connection, Full> {
        {
            let scopes = &mut *self.lock();
            fits(scopes.system.connections)?;
            take(&mut scopes.transient.connections, AMPLE)?;
            scopes.system.connections += 1;
        }
        Ok(Connection { node: self.clone(), peer: None })
    }
}

impl Stream {
    /// Moves the stream from transient to a protocol and its peer's use of it.
    ///
    /// # Errors
    /// Where one of the two is full.
    pub fn set_protocol(&mut self, name: &'static str) -> Result<(), Full> {
        let scopes = &mut *self.node.lock();
        let peer = scopes.peers.entry(self.peer).or_default();
        let [protocol, part] =
            [&mut scopes.protocols, &mut peer.protocols].map(|all| all.entry(name).or_default());
        fits(protocol.streams)?;
        take(&mut part.streams, AMPLE)?;
        protocol.streams += 1;
        scopes.transient.streams -= 1;
        self.protocol = Some(name);
        Ok(())
    }

    /// Charges a service and its peer's use of it as well.
    ///
    /// # Errors
    /// Where one of the two is full.
    pub fn set_service(&mut self, name: &'static str) -> Result<(), Full> {
        let scopes = &mut *self.node.lock();
        let peer = scopes.peers.entry(self.peer).or_default();
        let [service, part] =
            [&mut scopes.services, &mut peer.services].map(|all| all.entry(name).or_default());
        fits(service.streams)?;
        take(&mut part.streams, AMPLE)?;
        service.streams += 1;
        self.service = Some(name);
        Ok(())
    }
}

fn leave(all: &mut HashMap<&'static str, Scope>, name: Option<&'static str>) {
    if let Some(scope) = name.and_then(|name| all.get_mut(name)) {
        scope.streams -= 1;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let scopes = &mut *self.node.lock();
        scopes.system.streams -= 1;
        if self.protocol.is_none() {
            scopes.transient.streams -= 1;
        }
        leave(&mut scopes.protocols, self.protocol);
        leave(&mut scopes.services, self.service);
        if let Entry::Occupied(mut peer) = scopes.peers.entry(self.peer) {
            let Peer { scope, protocols, services } = peer.get_mut();
            scope.streams -= 1;
            leave(protocols, self.protocol);
            leave(services, self.service);
            if scope.is_idle() {
                peer.remove();
            }
        }
    }
}

impl Connection {
    /// Moves the connection from transient to its peer.
    ///
    /// # Errors
    /// Where the peer is full.
    pub fn set_peer(&mut self, peer: &Key) -> Result<(), Full> {
        let scopes = &mut *self.node.lock();
        take(&mut scopes.peers.entry(*peer).or_default().scope.connections, AMPLE)?;
        scopes.transient.connections -= 1;
        self.peer = Some(*peer);
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let scopes = &mut *self.node.lock();
        scopes.system.connections -= 1;
        match self.peer.map(|peer| scopes.peers.entry(peer)) {
            Some(Entry::Occupied(mut peer)) => {
                peer.get_mut().scope.connections -= 1;
                if peer.get().scope.is_idle() {
                    peer.remove();
                }
            }
            _ => scopes.transient.connections -= 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys;

    /// How many streams and connections there are, and how many peers.
    fn totals(node: &Node) -> [u64; 3] {
        let scopes = node.lock();
        [scopes.system.streams, scopes.system.connections, scopes.peers.len() as u64]
    }

    #[test]
    fn what_is_opened_is_counted_until_it_is_dropped() {
        let node = Node::new(1);
        let key = keys::peer(0);
        let mut stream = node.open_stream(&key).unwrap();
        stream.set_protocol("protocol").unwrap();
        stream.set_service("service").unwrap();
        assert_eq!(node.open_stream(&key).unwrap_err(), Full);
        let mut connection = node.open_connection().unwrap();
        connection.set_peer(&key).unwrap();
        assert_eq!(totals(&node), [1, 1, 1]);
        drop(stream);
        assert_eq!(totals(&node), [0, 1, 1]);
        assert!(node.open_stream(&key).is_ok());
        drop(connection);
        assert_eq!(totals(&node), [0, 0, 0]);
        let scopes = node.lock();
        assert!(scopes.transient.is_idle() && scopes.protocols["protocol"].is_idle());
    }
}
