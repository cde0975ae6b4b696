//! Does what a script says to a connection manager, and tells what came of it.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::Duration,
};

use rcmgr_connmgr::{
    Bounds, ConnectionId, Direction, Event, Manager, OpenError, Peer, Settings, TagError,
    Watermarks,
    decay::{Bump, BumpError, Decay, DecayingTag, RegisterError},
    trim::{Idle, Order},
};

use super::{
    BumpFn, DecayFn, Dir, Header, Marks, Op, PeerState, QueueOp, Upsert, Verdict,
    state::{info, millis, state},
};
use crate::{Fault, ScriptError, lines::Lines};

/// The most operations that are run.
const MOST_OPERATIONS: u64 = 1_000_000;
/// The most peers that a script names.
const MOST_PEERS: usize = 10_000;
/// The most that is looked at: peers, tags and connections, by each operation and each tick.
const MOST_WORK: u64 = 500_000_000;
/// How long a script may take.
const LONGEST_DAYS: u64 = 36_500;
/// The most ticks of one script: time passes tick by tick.
const MOST_TICKS: u64 = 1_000_000;
/// What a manager bounds, a script may use up: it is bounded by the work.
const BOUNDS: Bounds = Bounds {
    connections: 1 << 20,
    temporary_peers: 1 << 20,
    tags_per_peer: 1 << 20,
    protections: 1 << 20,
    decaying_tags: 1 << 12,
    connections_per_peer: 1 << 20,
    address_bytes: 1 << 20,
    name_bytes: 1 << 20,
};

/// A manager, and the names that a script gives to its connections and tags.
#[derive(Debug)]
pub struct Runner {
    pub(super) manager: Manager,
    /// The names of connections, by their number.
    pub(super) names: Vec<String>,
    now: u64,
    done: u64,
    work: u64,
    ticks: u64,
    /// Peers, tags and connections that the manager knew after the last operation.
    kept: u64,
    /// When a trim was made last that an operation asked for.
    asked: Option<u64>,
    /// The number of a connection, and whose it is.
    connections: HashMap<String, (ConnectionId, Peer)>,
    tags: HashMap<String, DecayingTag>,
    registered: u64,
    peers: BTreeMap<String, (Peer, Option<PeerState>)>,
}

/// Why an operation was not done.
struct Refused(&'static str, String);

impl Runner {
    /// A manager with the settings of a header.
    ///
    /// # Errors
    /// Settings that contradict themselves.
    pub fn new(header: &Header) -> Result<Runner, Fault> {
        let wrong = |field, why: &dyn ToString| Fault::Header { field, why: why.to_string() };
        let marks =
            Watermarks::new(header.low, header.high).map_err(|error| wrong("low", &error))?;
        let period = if header.silence_ms == 0 { "silence_ms" } else { "resolution_ms" };
        let settings = Settings {
            marks,
            grace: Duration::from_millis(header.grace_ms),
            silence: Duration::from_millis(header.silence_ms),
            resolution: Duration::from_millis(header.resolution_ms),
            // A script has the same verdicts each time.
            seed: Some(0),
            bounds: BOUNDS,
            ..Settings::default()
        };
        Ok(Runner {
            manager: Manager::new(settings).map_err(|error| wrong(period, &error))?,
            names: Vec::new(),
            now: 0,
            done: 0,
            work: 0,
            ticks: 0,
            kept: 0,
            asked: None,
            connections: HashMap::new(),
            tags: HashMap::new(),
            registered: 0,
            peers: BTreeMap::new(),
        })
    }

    /// Does one operation.
    ///
    /// # Errors
    /// A script that takes too long, or names too much.
    pub fn apply(&mut self, op: &Op) -> Result<Verdict, Fault> {
        if self.done == MOST_OPERATIONS {
            return Err(Fault::TooManyOperations(MOST_OPERATIONS));
        }
        if self.peers.len() > MOST_PEERS {
            return Err(Fault::TooManyPeers(MOST_PEERS));
        }
        self.spend(1 + self.peers.len() as u64 + self.kept)?;
        let mut verdict = Verdict { i: self.done, ok: true, ..Verdict::default() };
        self.done += 1;
        match op {
            Op::Advance { ms, late } => self.advance(*ms, *late, &mut verdict)?,
            _ => {
                if let Err(Refused(kind, why)) = self.act(op, &mut verdict) {
                    verdict.ok = false;
                    verdict.err_kind = Some(kind.into());
                    verdict.err = Some(why);
                }
            }
        }
        verdict.count = self.manager.info().connections;
        self.kept = 0;
        for (name, (peer, before)) in &mut self.peers {
            let now = state(&self.manager, peer);
            self.kept += now.as_ref().map_or(0, |now| 1 + now.tags.len() as u64 + now.conns);
            if now != *before {
                verdict.changed.insert(name.clone(), now.clone());
                *before = now;
            }
        }
        Ok(verdict)
    }

    /// When a trim was made last that an operation asked for: the trims that go-libp2p notes.
    pub(super) fn asked(&self) -> Option<u64> {
        self.asked
    }

    fn spend(&mut self, work: u64) -> Result<(), Fault> {
        self.work = self.work.saturating_add(work);
        if self.work > MOST_WORK { Err(Fault::TooMuchWork(MOST_WORK)) } else { Ok(()) }
    }

    fn act(&mut self, op: &Op, verdict: &mut Verdict) -> Result<(), Refused> {
        let now = Duration::from_millis(self.now);
        match op {
            Op::Connected { conn, peer, dir, addr, streams } => {
                let peer = self.peer(peer)?;
                let (id, peer) = match self.connections.get(conn) {
                    Some((id, peer)) if self.is_open(*id, peer) => (*id, peer.clone()),
                    _ => {
                        let id = ConnectionId(self.names.len() as u64);
                        self.names.push(conn.clone());
                        self.connections.insert(conn.clone(), (id, peer.clone()));
                        (id, peer)
                    }
                };
                let direction = match dir {
                    Dir::In => Direction::Inbound,
                    Dir::Out => Direction::Outbound,
                };
                let opened = self.manager.connection_opened(
                    now,
                    &peer,
                    id,
                    direction,
                    addr.as_str().into(),
                    *streams,
                );
                // A repeated notification is ignored.
                if !matches!(opened, Err(OpenError::AlreadyOpen)) {
                    opened?;
                }
            }
            Op::Disconnected { conn } => {
                if let Some((id, peer)) = self.connections.get(conn) {
                    self.manager.connection_closed(peer, *id);
                }
            }
            Op::SetStreams { conn, n } => {
                if let Some((id, peer)) = self.connections.get(conn) {
                    self.manager.set_streams(peer, *id, *n);
                }
            }
            Op::Tag { peer, tag, value } => {
                let peer = self.peer(peer)?;
                self.manager.tag(now, &peer, tag, *value)?;
            }
            Op::Untag { peer, tag } => {
                let peer = self.peer(peer)?;
                self.manager.untag(&peer, tag);
            }
            Op::Upsert { peer, tag, r#fn } => {
                let peer = self.peer(peer)?;
                self.manager.upsert_tag(now, &peer, tag, |old| match *r#fn {
                    Upsert::Add(by) => old.saturating_add(by),
                    Upsert::Mul(by) => old.saturating_mul(by),
                    Upsert::Set(to) => to,
                })?;
            }
            Op::TagInfo { peer, .. } => {
                let peer = self.peer(peer)?;
                verdict.info = info(&self.manager, &peer);
                verdict.found = Some(verdict.info.is_some());
            }
            Op::Protect { peer, tag } => {
                let peer = self.peer(peer)?;
                self.manager.protect(&peer, tag)?;
            }
            Op::Unprotect { peer, tag } => {
                let peer = self.peer(peer)?;
                verdict.ret = Some(self.manager.unprotect(&peer, tag));
            }
            Op::IsProtected { peer, tag } => {
                let peer = self.peer(peer)?;
                let tag = (!tag.is_empty()).then_some(tag.as_str());
                verdict.ret = Some(self.manager.is_protected(&peer, tag));
            }
            Op::RegisterDecaying { id, tag, interval_ms, decay, bump } => {
                let decay = match *decay {
                    DecayFn::None {} => Decay::None,
                    DecayFn::Fixed { by } => Decay::Fixed(by),
                    DecayFn::Linear { coef } => Decay::Linear(coef),
                    DecayFn::Expire { ms } => Decay::ExpireWhenInactive(Duration::from_millis(ms)),
                };
                let bump = match *bump {
                    BumpFn::Unbounded {} => Bump::Unbounded,
                    BumpFn::Bounded { min, max } => Bump::Bounded { min, max },
                    BumpFn::Overwrite {} => Bump::Overwrite,
                };
                let interval = Duration::from_millis(*interval_ms);
                let registered = self.manager.register_decaying(tag, interval, decay, bump);
                let registered = registered.map_err(|error| {
                    let kind = match &error {
                        RegisterError::Exists(_) => "exists",
                        RegisterError::Full(_) => "full",
                        RegisterError::Name(_) => "too_long",
                        _ => "invalid",
                    };
                    Refused(kind, error.to_string())
                })?;
                verdict.interval_ms = self.manager.decay_interval(registered).map(millis);
                self.tags.insert(id.clone(), registered);
                self.registered += 1;
            }
            Op::Bump { id, peer, delta } => self.bump(id, peer, *delta)?,
            Op::RemoveDecaying { id, peer } => self.remove(id, peer)?,
            Op::CloseDecaying { id } => self.close_tag(id)?,
            Op::Batch { cmds } => {
                for command in cmds {
                    let done = match command {
                        QueueOp::Bump { id, peer, delta } => self.bump(id, peer, *delta),
                        QueueOp::RemoveDecaying { id, peer } => self.remove(id, peer),
                        QueueOp::CloseDecaying { id } => self.close_tag(id),
                    };
                    let result = done.map_or_else(|Refused(kind, _)| kind, |()| "ok");
                    verdict.results.push(result.into());
                }
            }
            Op::Trim {} => {
                let ranked = self.manager.ranked(now, Order::Regular);
                let report = self.manager.trim(now);
                self.asked = Some(self.now);
                verdict.trims.push(self.settle(&report, &ranked));
            }
            Op::ForceTrim {} => {
                let ranked = self.manager.ranked(now, Order::Forced);
                let report = self.manager.force_trim(now);
                if report.idle != Some(Idle::BelowLow) {
                    self.asked = Some(self.now);
                }
                verdict.trims.push(self.settle(&report, &ranked));
            }
            Op::CheckLimit { n } => {
                self.manager.check_limit(*n).map_err(|error| Refused("limit", error.to_string()))?
            }
            Op::Info {} => {
                let info = self.manager.info();
                verdict.cm = Some(Marks {
                    low: info.low,
                    high: info.high,
                    grace_ms: millis(info.grace),
                    last_trim: info.last_trim.map(millis),
                    count: info.connections,
                });
            }
            Op::Close {} => self.manager.close(),
            // It alone takes time, and is done elsewhere.
            Op::Advance { .. } => {}
        }
        Ok(())
    }

    /// Every tick comes when it is due, or, where the clock jumps, once at the end.
    fn advance(&mut self, ms: u64, late: bool, verdict: &mut Verdict) -> Result<(), Fault> {
        let end = self.now.saturating_add(ms);
        if end > LONGEST_DAYS * 86_400_000 {
            return Err(Fault::ClockTooFar(LONGEST_DAYS));
        }
        while let Some(due) = self.manager.next_due().map(millis).filter(|due| *due <= end) {
            self.ticks += 1;
            if self.ticks > MOST_TICKS {
                return Err(Fault::TooManyTicks(MOST_TICKS));
            }
            let peers = self.peers.len() as u64;
            // A late tick makes up for many.
            let steps = if late { 64 } else { 1 };
            self.spend(peers * (1 + self.registered) + steps * self.kept)?;
            let now = Duration::from_millis(if late { end } else { due });
            let info = self.manager.info();
            let ranked = match info.connections >= info.high {
                true => self.manager.ranked(now, Order::Regular),
                false => Vec::new(),
            };
            if let Some(Event::Looked { trim: Some(report), .. }) = self.manager.poll(now) {
                let trim = self.settle(&report, &ranked);
                if !(trim.closed.is_empty() && trim.pruned.is_empty() && trim.ties.is_none()) {
                    verdict.trims.push(trim);
                }
            }
        }
        self.now = end;
        Ok(())
    }

    fn peer(&mut self, name: &str) -> Result<Peer, Refused> {
        if let Some((peer, _)) = self.peers.get(name) {
            return Ok(peer.clone());
        }
        let peer = Peer::new(name.as_bytes());
        let peer = peer.map_err(|error| Refused("empty_peer", error.to_string()))?;
        self.peers.insert(name.into(), (peer.clone(), None));
        Ok(peer)
    }

    fn is_open(&self, id: ConnectionId, peer: &Peer) -> bool {
        let info = self.manager.tag_info(peer);
        info.is_some_and(|info| info.connections.iter().any(|known| known.id == id))
    }

    fn handle(&self, id: &str) -> Result<DecayingTag, Refused> {
        let unknown = || Refused("unknown_id", format!("no decaying tag {id:?} was registered"));
        self.tags.get(id).copied().ok_or_else(unknown)
    }

    fn bump(&mut self, id: &str, peer: &str, by: i64) -> Result<(), Refused> {
        let tag = self.handle(id)?;
        let peer = self.peer(peer)?;
        Ok(self.manager.bump(Duration::from_millis(self.now), &peer, tag, by)?)
    }

    fn remove(&mut self, id: &str, peer: &str) -> Result<(), Refused> {
        let tag = self.handle(id)?;
        let peer = self.peer(peer)?;
        Ok(self.manager.remove_decaying(&peer, tag)?)
    }

    fn close_tag(&mut self, id: &str) -> Result<(), Refused> {
        let tag = self.handle(id)?;
        self.manager.close_decaying(tag);
        Ok(())
    }
}

impl From<OpenError> for Refused {
    fn from(error: OpenError) -> Refused {
        let kind = if matches!(error, OpenError::Full(_)) { "full" } else { "too_long" };
        Refused(kind, error.to_string())
    }
}

impl From<TagError> for Refused {
    fn from(error: TagError) -> Refused {
        let kind = if matches!(error, TagError::Full(_)) { "full" } else { "too_long" };
        Refused(kind, error.to_string())
    }
}

impl From<BumpError> for Refused {
    fn from(error: BumpError) -> Refused {
        let kind = if matches!(error, BumpError::Full(_)) { "full" } else { "closed" };
        Refused(kind, error.to_string())
    }
}

/// Runs a script, and hands out each verdict.
///
/// # Errors
/// A line that is malformed, or a script that takes too long.
pub fn run<E: From<ScriptError>>(
    path: &Path,
    mut each: impl FnMut(&Verdict) -> Result<(), E>,
) -> Result<(), E> {
    let mut lines = Lines::open(path)?;
    if !lines.advance()? {
        return Err(lines.error(Fault::NoHeader).into());
    }
    let mut runner = Runner::new(&lines.parse()?).map_err(|fault| lines.error(fault))?;
    while lines.advance()? {
        let verdict = runner.apply(&lines.parse()?).map_err(|fault| lines.error(fault))?;
        each(&verdict)?;
    }
    Ok(())
}
