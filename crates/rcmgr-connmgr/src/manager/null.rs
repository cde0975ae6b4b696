//! A manager that manages nothing.

use std::{sync::Arc, time::Duration};

use crate::{
    AboveLimit, ConnectionId, Direction, Event, Info, OpenError, Peer, TagError, TagInfo,
    TrimReport,
    trim::{Idle, Kind},
};

/// Takes everything and keeps nothing (go: `NullConnMgr`), for nodes without trims. It has the
/// calls of a [`Manager`](crate::Manager) but for decaying tags, as in go-libp2p, and never fails.
#[derive(Clone, Copy, Debug, Default)]
pub struct NullManager;

impl NullManager {
    /// Does nothing (go: `Notifee().Connected`).
    ///
    /// # Errors
    /// None.
    pub fn connection_opened(
        &self,
        _now: Duration,
        _peer: &Peer,
        _id: ConnectionId,
        _direction: Direction,
        _address: Arc<str>,
        _streams: u32,
    ) -> Result<(), OpenError> {
        Ok(())
    }

    /// No connection is known (go: `Notifee().Disconnected`).
    pub fn connection_closed(&self, _peer: &Peer, _connection: ConnectionId) -> bool {
        false
    }

    /// No connection is known.
    pub fn set_streams(&self, _peer: &Peer, _connection: ConnectionId, _streams: u32) -> bool {
        false
    }

    /// Does nothing (go: `TagPeer`).
    ///
    /// # Errors
    /// None.
    pub fn tag(
        &self,
        _now: Duration,
        _peer: &Peer,
        _tag: &str,
        _value: i64,
    ) -> Result<(), TagError> {
        Ok(())
    }

    /// Does nothing, and does not call the function (go: `UpsertTag`).
    ///
    /// # Errors
    /// None.
    pub fn upsert_tag(
        &self,
        _now: Duration,
        _peer: &Peer,
        _tag: &str,
        _change: impl FnOnce(i64) -> i64,
    ) -> Result<(), TagError> {
        Ok(())
    }

    /// Does nothing (go: `UntagPeer`).
    pub fn untag(&self, _peer: &Peer, _tag: &str) {}

    /// Nobody is known (go: `GetTagInfo`, which answers with an empty one, so that there a peer
    /// that is not known cannot be told from one without tags).
    pub fn tag_info(&self, _peer: &Peer) -> Option<TagInfo> {
        None
    }

    /// Does nothing (go: `Protect`).
    ///
    /// # Errors
    /// None.
    pub fn protect(&self, _peer: &Peer, _tag: &str) -> Result<(), TagError> {
        Ok(())
    }

    /// Nobody is protected (go: `Unprotect`).
    pub fn unprotect(&self, _peer: &Peer, _tag: &str) -> bool {
        false
    }

    /// Nobody is protected (go: `IsProtected`).
    pub fn is_protected(&self, _peer: &Peer, _tag: Option<&str>) -> bool {
        false
    }

    /// Closes nothing (go: `TrimOpenConns`).
    pub fn trim(&self, now: Duration) -> TrimReport {
        idle(Kind::Open, now)
    }

    /// Closes nothing.
    pub fn force_trim(&self, now: Duration) -> TrimReport {
        idle(Kind::Forced, now)
    }

    /// Nothing is ever due.
    pub fn next_due(&self) -> Option<Duration> {
        None
    }

    /// Nothing is ever due.
    pub fn poll(&self, _now: Duration) -> Option<Event> {
        None
    }

    /// Without marks, any limit will do (go: `CheckLimit`).
    ///
    /// # Errors
    /// None.
    pub fn check_limit(&self, _limit: u64) -> Result<(), AboveLimit> {
        Ok(())
    }

    /// No marks, no connections.
    pub fn info(&self) -> Info {
        Info::default()
    }

    /// Does nothing (go: `Close`).
    pub fn close(&self) {}
}

fn idle(kind: Kind, at: Duration) -> TrimReport {
    let (close, dropped) = (Vec::new(), Vec::new());
    TrimReport { kind, at, idle: Some(Idle::Disabled), close, dropped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_null_manager_takes_everything_and_keeps_nothing() {
        let (manager, now) = (NullManager, Duration::from_secs(1));
        let (peer, id) = (Peer::new(b"p").unwrap(), ConnectionId(1));
        let opened =
            manager.connection_opened(now, &peer, id, Direction::Inbound, Arc::from(""), 1);
        assert_eq!(opened, Ok(()));
        assert_eq!(manager.tag(now, &peer, "a", 5), Ok(()));
        assert_eq!(manager.upsert_tag(now, &peer, "a", |_| panic!("called")), Ok(()));
        manager.untag(&peer, "a");
        assert_eq!(manager.tag_info(&peer), None);
        assert!(!manager.set_streams(&peer, id, 2));
        assert!(!manager.connection_closed(&peer, id));
        assert_eq!(manager.info(), Info::default());
    }

    #[test]
    fn the_null_manager_protects_nobody() {
        let peer = Peer::new(b"p").unwrap();
        assert_eq!(NullManager.protect(&peer, "x"), Ok(()));
        assert_eq!(NullManager.protect(&peer, "y"), Ok(()));
        assert!(!NullManager.is_protected(&peer, None));
        assert!(!NullManager.is_protected(&peer, Some("x")));
        assert!(!NullManager.unprotect(&peer, "x"));
    }

    #[test]
    fn the_null_manager_closes_nothing_and_fits_under_any_limit() {
        let now = Duration::from_secs(1);
        for report in [NullManager.trim(now), NullManager.force_trim(now)] {
            assert_eq!((report.idle, report.close.len()), (Some(Idle::Disabled), 0));
        }
        assert_eq!(NullManager.check_limit(0), Ok(()));
        assert_eq!(NullManager.next_due(), None);
        assert_eq!(NullManager.poll(Duration::MAX), None);
        NullManager.close();
    }
}
