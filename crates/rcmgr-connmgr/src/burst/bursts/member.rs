//! The connections that are in bursts, or were.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use foldhash::fast::RandomState;

use crate::{ConnectionId, StreamId, burst::BurstId};

/// A connection that is in a burst, or was.
#[derive(Debug)]
struct Member {
    opened: Duration,
    /// Its open streams that were enlisted, with the last burst they were enlisted in. That it is
    /// over shows by its not being open.
    streams: BTreeMap<StreamId, BurstId>,
    /// The open bursts that it is in, also where its streams in it are closed.
    bursts: BTreeSet<BurstId>,
    /// The number, by end, of the last ended burst that it is residue of.
    residue: Option<u64>,
}

/// All of them. One that is in no open burst and cannot be residue is forgotten.
#[derive(Debug, Default)]
pub(super) struct Members {
    // Nothing depends on the order of this map.
    members: HashMap<ConnectionId, Member, RandomState>,
    /// Those that may be residue, by the number of the burst, with the time that it ended.
    residue: BTreeMap<(u64, ConnectionId), Duration>,
    streams: usize,
}

impl Members {
    /// How many connections and streams there are.
    pub fn len(&self) -> usize {
        self.members.len() + self.streams
    }

    /// How many there would be with these.
    pub fn with(&self, connection: ConnectionId, stream: StreamId) -> usize {
        let member = self.members.get(&connection);
        let known = member.is_some_and(|member| member.streams.contains_key(&stream));
        self.len() + usize::from(member.is_none()) + usize::from(!known)
    }

    pub fn enlist(
        &mut self,
        connection: ConnectionId,
        opened: Duration,
        stream: StreamId,
        burst: BurstId,
    ) {
        let new =
            || Member { opened, streams: BTreeMap::new(), bursts: BTreeSet::new(), residue: None };
        let member = self.members.entry(connection).or_insert_with(new);
        member.bursts.insert(burst);
        self.streams += usize::from(member.streams.insert(stream, burst).is_none());
    }

    pub fn promote(&mut self, connection: ConnectionId, burst: BurstId) {
        let Some(member) = self.members.get_mut(&connection) else { return };
        member.bursts.remove(&burst);
        let before = member.streams.len();
        member.streams.retain(|_, of| *of != burst);
        self.streams -= before - member.streams.len();
        self.settle(connection);
    }

    /// Notes that a burst ended that the connection is in: the `number`-th that did.
    pub fn end(
        &mut self,
        connection: ConnectionId,
        burst: BurstId,
        began: Duration,
        number: u64,
        now: Duration,
    ) {
        let Some(member) = self.members.get_mut(&connection) else { return };
        member.bursts.remove(&burst);
        if member.opened >= began {
            if let Some(before) = member.residue.replace(number) {
                self.residue.remove(&(before, connection));
            }
            self.residue.insert((number, connection), now);
        }
        self.settle(connection);
    }

    pub fn stream_closed(&mut self, connection: ConnectionId, stream: StreamId) {
        if let Some(member) = self.members.get_mut(&connection) {
            self.streams -= usize::from(member.streams.remove(&stream).is_some());
        }
    }

    /// Forgets a connection; the open bursts that it was in.
    pub fn remove(&mut self, connection: ConnectionId) -> BTreeSet<BurstId> {
        let Some(member) = self.members.remove(&connection) else { return BTreeSet::new() };
        self.streams -= member.streams.len();
        if let Some(number) = member.residue {
            self.residue.remove(&(number, connection));
        }
        member.bursts
    }

    /// Forgets that a connection is residue, one of the burst that ended earliest. Says whether there
    /// was any.
    pub fn forget_earliest(&mut self) -> bool {
        let Some(((_, connection), _)) = self.residue.pop_first() else { return false };
        if let Some(member) = self.members.get_mut(&connection) {
            member.residue = None;
        }
        self.settle(connection);
        true
    }

    /// When the earliest burst ended of those that left something.
    pub fn earliest_end(&self) -> Option<Duration> {
        self.residue.first_key_value().map(|(_, ended)| *ended)
    }

    /// Connections left by bursts that ended at that time or before, the earliest first.
    pub fn ended_until(&self, until: Option<Duration>) -> impl Iterator<Item = ConnectionId> {
        let left = self.residue.iter();
        left.take_while(move |(_, ended)| Some(**ended) <= until).map(|((_, id), _)| *id)
    }

    /// The number of the ended burst that the connection is residue of, if its streams say so, too;
    /// `None` while it is in one that is open.
    pub fn residue(&self, connection: ConnectionId) -> Option<u64> {
        self.members.get(&connection).filter(|member| member.bursts.is_empty())?.residue
    }

    /// The burst that a stream was enlisted in last.
    pub fn burst_of(&self, connection: ConnectionId, stream: StreamId) -> Option<BurstId> {
        self.members.get(&connection)?.streams.get(&stream).copied()
    }

    /// The burst of each open stream of a connection that was enlisted.
    pub fn bursts_of_streams(&self, connection: ConnectionId) -> impl Iterator<Item = BurstId> {
        let member = self.members.get(&connection);
        member.into_iter().flat_map(|member| member.streams.values().copied())
    }

    fn settle(&mut self, connection: ConnectionId) {
        let member = self.members.get(&connection);
        if member.is_some_and(|member| member.bursts.is_empty() && member.residue.is_none()) {
            self.remove(connection);
        }
    }
}
