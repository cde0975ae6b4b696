//! Runs operations on a manager.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use rcmgr_core::{
    AllowlistEntry, Amount, Error, Name, Refusal, Reservation, Resource, ResourceManager, ScopeId,
    ScopeLimit, ServiceScope, Stats,
};

use crate::{
    Detail, ErrKind, Fault, Header, Id, Op, ScopeName, Verdict, effects,
    handle::{Handle, NotThat, View},
    name::{Shared, shared_name},
};

mod attempt;

/// How many scopes there may be at a time; all of them are looked at after each operation.
const MOST_SCOPES: usize = 10_000;
/// How many scopes are looked at in all.
const MOST_WORK: u64 = 1_000_000_000;
/// How far the clock goes, in days.
const LAST_DAY: u64 = 36_500;

const SECONDS_OF_A_DAY: u64 = 86_400;

/// A manager, and what the operations of a script have made in it.
///
/// ```
/// use rcmgr_script::{Header, Op, Runner};
///
/// let base = r#"{"System":{"Memory":100},"Transient":{},"AllowlistedSystem":{},
///     "AllowlistedTransient":{},"ServiceDefault":{},"ServicePeerDefault":{},
///     "ProtocolDefault":{},"ProtocolPeerDefault":{},"PeerDefault":{},"Conn":{},"Stream":{}}"#;
/// let header: Header = serde_json::from_str(&format!(r#"{{"base":{base}}}"#))?;
/// let op: Op = serde_json::from_str(r#"{"op":"reserve","scope":"system","size":101,"prio":255}"#)?;
///
/// let verdict = Runner::new(&header)?.apply(&op)?;
/// assert_eq!(
///     serde_json::to_string(&verdict)?,
///     r#"{"i":0,"ok":false,"err_kind":"limit","blocked_by":"system","#.to_owned()
///         + r#""detail":{"what":"memory","current":0,"attempted":101,"limit":100,"prio":255}}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Runner {
    manager: ResourceManager,
    now: Duration,
    live: BTreeMap<Id, Made>,
    gone: HashMap<Id, Gone>,
    /// What [`Op::Reserve`] has reserved in shared scopes. One that holds nothing is dropped: a
    /// scope is not to be kept by it.
    reserved: BTreeMap<Shared, Reservation<'static>>,
    /// An application keeps its services for as long as it runs, and so does a script: a service
    /// that was named stays. None are kept if this is none.
    services: Option<BTreeMap<Name, ServiceScope>>,
    /// How often each entry of the allowlist was added and not removed: a script's allowlist is a
    /// list, and the manager's a set.
    allowed: HashMap<AllowlistEntry, u64>,
    /// The script's names of connections, streams, spans and ledgers, closed ones too.
    names: HashMap<ScopeId, Id>,
    stats: Stats,
    done: u64,
    work: u64,
}

impl core::fmt::Debug for Runner {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Runner").field("done", &self.done).field("now", &self.now).finish()
    }
}

struct Made {
    handle: Handle,
    /// What [`Op::Reserve`] has reserved in it.
    reserved: Option<Reservation<'static>>,
    /// What it held after the operation before.
    held: Amount,
}

/// What became of an identifier that names nothing any more.
enum Gone {
    Closed,
    Refused,
}

/// Why an operation is not done: by the manager's answer, or since it means nothing.
enum Stop {
    Answer(Answer),
    Fault(Fault),
}

/// What is answered to an operation that is not done.
struct Answer {
    kind: ErrKind,
    blocked_by: Option<String>,
    detail: Option<Detail>,
}

/// What comes of an operation that is done, beyond what is seen by looking.
#[derive(Default)]
struct Done {
    verify: Option<bool>,
    /// What held something and is closed.
    emptied: Option<Id>,
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Stop {
        Stop::Fault(fault)
    }
}

impl Answer {
    fn new(kind: ErrKind, blocked_by: Option<String>) -> Answer {
        Answer { kind, blocked_by, detail: None }
    }
}

impl Runner {
    /// A manager under the limits of a header.
    ///
    /// # Errors
    /// As [`Header::limits`].
    pub fn new(header: &Header) -> Result<Runner, Fault> {
        let mut runner = Runner::on(ResourceManager::new(header.limits()?));
        runner.services = Some(BTreeMap::new());
        for allowed in header.allowlist.iter().flatten() {
            *runner.allowed.entry(allowed.entry().clone()).or_default() += 1;
        }
        Ok(runner)
    }

    /// Runs on a manager that nothing was done with yet, and keeps no services that are named:
    /// for those who look at what is collected.
    pub fn on(manager: ResourceManager) -> Runner {
        Runner {
            stats: manager.stats(),
            manager,
            now: Duration::ZERO,
            live: BTreeMap::new(),
            gone: HashMap::new(),
            reserved: BTreeMap::new(),
            services: None,
            allowed: HashMap::new(),
            names: HashMap::new(),
            done: 0,
            work: 0,
        }
    }

    /// The manager.
    pub fn manager(&self) -> &ResourceManager {
        &self.manager
    }

    /// What is open, in order.
    pub fn open(&self) -> impl Iterator<Item = &Id> {
        self.live.keys()
    }

    /// What a scope that an operation has made holds, if it is open.
    pub fn held(&self, id: &Id) -> Option<Amount> {
        self.live.get(id).map(|made| made.handle.stats())
    }

    /// The limit in force of what an operation has made, if it is a scope and open.
    pub fn limit(&self, id: &Id) -> Option<ScopeLimit> {
        self.live.get(id)?.handle.limit()
    }

    /// What a reservation that an operation has made holds, if it is open.
    pub fn reservation(&self, id: &Id) -> Option<Amount> {
        match &self.live.get(id)?.handle {
            Handle::Reservation(reservation) => Some(reservation.amount()),
            _ => None,
        }
    }

    /// Does one operation.
    ///
    /// # Errors
    /// An operation that means nothing after those before it, and is not done: an identifier that
    /// is taken, or names something else than what the operation works on; too much of anything.
    pub fn apply(&mut self, op: &Op) -> Result<Verdict, Fault> {
        let mut verdict = Verdict { i: self.done, ok: true, ..Verdict::default() };
        match self.attempt(op) {
            Ok(done) => {
                verdict.verify = done.verify;
                if let Some(id) = done.emptied {
                    verdict.changed.insert(id.to_string(), Amount::ZERO.into());
                }
            }
            Err(Stop::Fault(fault)) => return Err(fault),
            Err(Stop::Answer(answer)) => {
                if let Some(id) = op.makes() {
                    self.gone.insert(id.clone(), Gone::Refused);
                }
                verdict.ok = false;
                verdict.err_kind = Some(answer.kind);
                verdict.blocked_by = answer.blocked_by;
                verdict.detail = answer.detail;
            }
        }
        self.done += 1;
        self.observe(op, &mut verdict)?;
        Ok(verdict)
    }

    /// Notes what has changed, and tells what the operation asks to be told.
    fn observe(&mut self, op: &Op, verdict: &mut Verdict) -> Result<(), Fault> {
        let stats = self.manager.stats();
        effects::changes(&self.stats, &stats, &mut verdict.changed);
        self.stats = stats;
        for (id, made) in &mut self.live {
            let held = made.handle.stats();
            if held != made.held {
                made.held = held;
                verdict.changed.insert(id.to_string(), held.into());
            }
        }
        if matches!(op, Op::Stat {}) {
            verdict.full = effects::full(&self.stats);
            let held = self.live.iter().filter(|(_, made)| !made.held.is_zero());
            verdict.full.extend(held.map(|(id, made)| (id.to_string(), made.held.into())));
        }
        if matches!(op, Op::Stat {} | Op::Gc {}) {
            verdict.live = Some(effects::live(&self.stats));
        }
        let scopes = self.live.len() + effects::count(&self.stats);
        if scopes > MOST_SCOPES {
            return Err(Fault::TooManyScopes(MOST_SCOPES));
        }
        self.work += scopes as u64;
        if self.work > MOST_WORK {
            return Err(Fault::TooMuchWork(MOST_WORK));
        }
        Ok(())
    }

    /// The manager's error, in the script's names. `opening` is what was to be made.
    fn answer(&self, error: Error, opening: Option<&Id>) -> Answer {
        let kind = match &error {
            Error::Refused(Refusal { scope: ScopeId::Network(_), .. }) => {
                return Answer::new(ErrKind::IpLimit, None);
            }
            Error::Refused(_) => ErrKind::Limit,
            Error::RateLimited(_) => return Answer::new(ErrKind::Rate, None),
            Error::Capacity { .. } => ErrKind::Capacity,
            Error::Closed { .. } => ErrKind::Closed,
            // These two concern the very thing that the operation names.
            Error::AlreadyAttached { .. } => return Answer::new(ErrKind::AlreadyAttached, None),
            Error::NoProtocol { .. } => return Answer::new(ErrKind::NoProtocol, None),
            Error::MemoryOnly { .. } => ErrKind::MemoryOnly,
            Error::NotHeld { .. } => ErrKind::NotHeld,
            Error::TooDeep { .. } => ErrKind::TooDeep,
            _ => return Answer::new(ErrKind::Other, None),
        };
        let scope = error.scope();
        let blocked_by = match (self.names.get(scope), opening) {
            (Some(name), _) => name.to_string(),
            (None, Some(id)) if matches!(scope, ScopeId::Connection(_) | ScopeId::Stream(_)) => {
                id.to_string()
            }
            (None, _) => shared_name(scope),
        };
        let detail = error.refusal().map(|refusal| Detail {
            what: refusal.resource.into(),
            current: refusal.used.into(),
            attempted: refusal.requested.into(),
            limit: refusal.limit.into(),
            prio: (refusal.resource == Resource::Memory).then_some(refusal.priority.0),
        });
        Answer { kind, blocked_by: Some(blocked_by), detail }
    }

    /// What is answered to an operation on something that is not open.
    fn gone(&self, id: &Id) -> Answer {
        match self.gone.get(id) {
            Some(Gone::Closed) => Answer::new(ErrKind::Closed, Some(id.to_string())),
            Some(Gone::Refused) | None => Answer::new(ErrKind::UnknownId, None),
        }
    }
}

impl Op {
    /// What it makes when it is done.
    fn makes(&self) -> Option<&Id> {
        match self {
            Op::OpenConn { id, .. }
            | Op::OpenStream { id, .. }
            | Op::BeginSpan { id, .. }
            | Op::View { id, .. }
            | Op::Ledger { id, .. }
            | Op::Hold { id, .. }
            | Op::HoldAmount { id, .. }
            | Op::Split { id, .. } => Some(id),
            _ => None,
        }
    }
}
