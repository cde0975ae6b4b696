//! Decaying tags: they are registered, bumped, and fade.

use std::time::Duration;

use super::Manager;
use crate::{
    Peer,
    decay::{Bump, BumpError, Decay, DecayingTag, DecayingValue, RegisterError},
};

impl Manager {
    /// Registers a decaying tag (go: `RegisterDecayingTag`). An interval below
    /// [`Settings::resolution`](crate::Settings::resolution) is raised to it; one that is no
    /// multiple passes at the tick after. The first one is counted from the last tick.
    ///
    /// # Errors
    /// The name is taken or too long, the functions make no sense, or there are too many.
    pub fn register_decaying(
        &self,
        name: &str,
        interval: Duration,
        decay: Decay,
        bump: Bump,
    ) -> Result<DecayingTag, RegisterError> {
        self.settings.bounds.check_name(name)?;
        let interval = interval.max(self.settings.resolution);
        let most = self.settings.bounds.decaying_tags;
        self.decaying.register(name, interval, decay, bump, most)
    }

    /// How often a decaying tag fades (go: `Interval`); none once it is closed.
    pub fn decay_interval(&self, tag: DecayingTag) -> Option<Duration> {
        self.decaying.tags().get(&tag.0).map(|tag| tag.interval)
    }

    /// Bumps a decaying tag of a peer (go: `Bump`, which puts it into a queue).
    ///
    /// # Errors
    /// The tag or the manager is closed, or there are too many peers without a connection.
    pub fn bump(
        &self,
        now: Duration,
        peer: &Peer,
        tag: DecayingTag,
        by: i64,
    ) -> Result<(), BumpError> {
        let time = self.clock.pass(now);
        let now = Duration::from(time);
        let registered = self.decaying.tags();
        let registered = registered.get(&tag.0).ok_or(BumpError::Closed)?;
        if self.is_closed() {
            return Err(BumpError::ManagerClosed);
        }
        let hash = self.shards.hash(peer);
        let mut before =
            self.shards.lock(hash).get(hash, peer).and_then(|entry| entry.decaying_tag(tag.0));
        loop {
            let mut value = before.unwrap_or(DecayingValue { value: 0, added: now, bumped: now });
            value.value = registered.bump.apply(&value, by);
            value.bumped = now;
            let set = self.shards.change(hash, peer, time, |entry, _| {
                if registered.is_closed() {
                    return Err(BumpError::Closed);
                }
                let found = entry.decaying_tag(tag.0);
                let same = found == before;
                if same {
                    entry.set_decaying(tag.0, value);
                }
                before = found;
                Ok(same)
            })?;
            if set? {
                return Ok(());
            }
        }
    }

    /// Removes a decaying tag from a peer, if it has it (go: `Remove`, which makes an entry for a
    /// peer that is not known).
    ///
    /// # Errors
    /// The tag is closed.
    pub fn remove_decaying(&self, peer: &Peer, tag: DecayingTag) -> Result<(), BumpError> {
        if !self.decaying.tags().contains_key(&tag.0) {
            return Err(BumpError::Closed);
        }
        let hash = self.shards.hash(peer);
        if let Some((entry, _)) = self.shards.lock(hash).get_mut(hash, peer) {
            entry.remove_decaying(tag.0);
        }
        Ok(())
    }

    /// Takes a decaying tag from all peers and frees its name (go: `Close`). Twice is as once; it
    /// cannot fail, so there is nothing to retry.
    pub fn close_decaying(&self, tag: DecayingTag) {
        if self.decaying.close(tag) {
            for shard in self.shards.each() {
                shard().remove_decaying(tag.0);
            }
        }
    }

    /// Fades the tags that are due. A value that is bumped while its function runs keeps the bump,
    /// and fades after its next interval.
    pub(super) fn fade(&self, now: Duration) {
        let due = self.decaying.tick(now);
        if due.is_empty() {
            return;
        }
        let registered = self.decaying.tags();
        for shard in self.shards.each() {
            let found = shard().fading(|tag| due.contains_key(&tag));
            let faded: Vec<_> = found
                .iter()
                .filter_map(|found| {
                    let tag = registered.get(&found.tag)?;
                    Some((found, tag.fade(found.value, due[&found.tag], now)))
                })
                .collect();
            let mut shard = shard();
            for (found, value) in faded {
                shard.replace(found, value);
            }
        }
    }
}
