//! When a round is made: conditions that are watched, and one request at a time.
//!
//! [`Triggers`] are told [`Signals`] and give a [`Request`] where their [`Rules`] ask for a round,
//! with its [`Causes`]. The rules of a [`Regulator`](crate::Regulator) are in its
//! [settings](crate::RegulatorSettings::rules).

mod cause;
mod gate;
mod rate;
mod rule;

#[cfg(test)]
mod tests;

pub use cause::{Cause, Causes};
pub use rule::{Rule, RuleError, Rules};

use std::time::Duration;

use gate::Gate;
use rate::Rate;

use crate::{
    quota::Slots,
    round::{Aim, Mode, Newcomer},
    sense::{Level, Pressure},
};

/// The pressure, in basis points, from which on a batch leaves no more than the low mark.
const SATURATED: u32 = 9500;

/// What is watched, as it is at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signals {
    /// The open connections.
    pub live: u32,
    /// How many there are to be at most, as the environment allows it now.
    pub share: u32,
    /// How many a batch leaves; no more than the share.
    pub low: u32,
    /// How bad the state of the environment is.
    pub level: Level,
    /// The pressure of dials that fail; none where it cannot be told, as with those that follow.
    pub dials: Option<Pressure>,
    /// The pressure on descriptors.
    pub descriptors: Option<Pressure>,
    /// The pressure on memory.
    pub memory: Option<Pressure>,
    /// The pressure of stalls.
    pub stalls: Option<Pressure>,
    /// The connections of the worst protocol by its maximum, in basis points; 0 where no protocol is
    /// above. One that still has time to adjust to a new maximum goes by its old one.
    pub overuse: u32,
    /// The protocols that are above their maxima.
    pub over: Slots,
}

/// A round to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "no round that closes connections follows until Triggers::finished is called"]
pub struct Request {
    /// What asked for it.
    pub causes: Causes,
    /// How far it may go.
    pub mode: Mode,
    /// What for; none: no connection has to go.
    pub aim: Option<Aim>,
    /// For whom room is made.
    pub newcomer: Option<Newcomer>,
    /// For how long new connections are to wait.
    pub pause: Option<Duration>,
    /// Whether to dial less for a while.
    pub dial_less: bool,
    /// Whether to drop what has expired: leases, offers, residue, tags of peers that are gone.
    pub expire: bool,
}

impl Request {
    fn new() -> Request {
        Request {
            causes: Causes::NONE,
            mode: Mode::Flux,
            aim: None,
            newcomer: None,
            pause: None,
            dial_less: false,
            expire: false,
        }
    }

    /// Down to so many, or fewer if something else wants fewer. Says whether any have to go.
    fn leave(&mut self, target: u32, live: u32) -> bool {
        if target < live {
            let target = match self.aim {
                Some(Aim::Leave(other)) => target.min(other),
                _ => target,
            };
            self.aim = Some(Aim::Leave(target));
            self.mode = self.mode.max(Mode::Batch);
        }
        target < live
    }
}

/// Watches conditions, and asks for one round at a time: conditions that hold together ask for one
/// round that serves them all, and those that come while one is made ask afterwards, if they still
/// hold.
///
/// What a remote can bring about is bounded: however many connections are refused, one is made room
/// for at a time, and only the best of them, see [`Triggers::denied`].
///
/// A time before an earlier one is taken for that one.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{
///     round::Aim,
///     trigger::{Rules, Signals, Triggers},
/// };
///
/// let mut triggers = Triggers::new(Rules::default())?;
/// let now = Duration::from_secs(1);
/// let signals = Signals { live: 801, share: 800, low: 720, ..Signals::default() };
/// let request = triggers.poll(now, &signals).ok_or("there is one more than the share")?;
/// assert_eq!(request.aim, Some(Aim::Leave(720)));
/// assert_eq!(triggers.poll(now, &signals), None);
/// triggers.finished();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Triggers {
    rules: Rules,
    /// In the order of [`Rules::by_number`].
    gates: [Gate; 7],
    rate: Rate,
    /// The most valuable connection that was refused.
    denied: Option<Newcomer>,
    /// When room may be made for one again.
    room: Duration,
    /// What somebody asked for.
    asked: Option<(Mode, u32)>,
    /// When it is time to look again; none before the first poll.
    periodic: Option<Duration>,
    /// So many connections, at that share, were found to be no reason for a round.
    settled: Option<(u32, u32)>,
    running: bool,
    latest: Duration,
}

impl Triggers {
    /// Nothing has happened yet.
    ///
    /// # Errors
    /// Those of [`Rules::check`].
    pub fn new(rules: Rules) -> Result<Triggers, RuleError> {
        rules.check()?;
        Ok(Triggers {
            rules,
            gates: [Gate::default(); 7],
            rate: Rate::default(),
            denied: None,
            room: Duration::ZERO,
            asked: None,
            periodic: None,
            settled: None,
            running: false,
            latest: Duration::ZERO,
        })
    }

    /// Takes notice of so many connections that were opened since it last did.
    pub fn opened(&mut self, now: Duration, connections: u32) {
        let now = self.at(now);
        self.rate.opened(now, connections);
    }

    /// Takes notice of a connection that was refused for want of room. Of several the one with the
    /// highest tally is remembered, the first of equals.
    pub fn denied(&mut self, newcomer: Newcomer) {
        self.denied = match self.denied {
            Some(best) if best.tally >= newcomer.tally => Some(best),
            _ => Some(newcomer),
        };
    }

    /// Asks for a round that leaves so many connections. Asked several times before it is made, it
    /// leaves the fewest, and goes as far as one of them may.
    pub fn ask(&mut self, mode: Mode, target: u32) {
        self.asked = Some(match self.asked {
            Some((other, fewest)) => (mode.max(other), target.min(fewest)),
            None => (mode, target),
        });
    }

    /// Lets no round for too many connections follow another one for so long. One that was made lately
    /// counts from now on, or as before, whichever ends sooner.
    pub fn set_silence(&mut self, now: Duration, silence: Duration) {
        let now = self.at(now);
        self.rules.connections.cooldown = silence;
        let by_number = self.rules.by_number();
        for (gate, (cause, rule)) in self.gates.iter_mut().zip(by_number) {
            if cause == Cause::Connections {
                gate.hasten(now, &rule);
            }
        }
    }

    /// Says that a round for too many connections left them all, so many at this share, since they
    /// were of use: it need not come again before there are more, the share changes, or it is time to
    /// look.
    pub fn settled(&mut self, live: u32, share: u32) {
        self.settled = Some((live, share));
    }

    /// Says that the round asked for last was made, or was not.
    pub fn finished(&mut self) {
        self.running = false;
    }

    /// Takes notice of how things are, and gives the round that is to be made now. One that closes
    /// connections is the only one until [`Triggers::finished`].
    pub fn poll(&mut self, now: Duration, signals: &Signals) -> Option<Request> {
        let now = self.at(now);
        let asking = self.asking(now, signals);
        if self.running {
            return None;
        }
        let mut request = Request::new();
        for cause in asking.iter() {
            if self.serve(cause, &mut request, signals) {
                request.causes = request.causes.with(cause);
            }
        }
        if let Some((mode, target)) = self.asked.take() {
            request.causes = request.causes.with(Cause::Manual);
            if request.leave(target, signals.live) {
                request.mode = request.mode.max(mode);
            }
        }
        self.aim_lower(now, asking, &mut request, signals);
        if self.periodic.is_none_or(|due| now >= due) {
            self.periodic = Some(now.saturating_add(self.rules.every));
            self.settled = None;
            request.causes = request.causes.with(Cause::Periodic);
            request.expire = true;
        }
        for ((cause, rule), gate) in self.rules.by_number().iter().zip(&mut self.gates) {
            if request.causes.contains(*cause) {
                gate.heard(now, rule);
            }
        }
        self.running = request.aim.is_some();
        (!request.causes.is_empty()).then_some(request)
    }

    /// When to poll next, however little happens; also poll with new signals, and after
    /// [`Triggers::finished`].
    pub fn next_due(&self) -> Duration {
        if self.asked.is_some() && !self.running {
            return self.latest;
        }
        let room = self.denied.filter(|_| !self.running).map(|_| self.room.max(self.latest));
        let rules = self.rules.by_number();
        let gates = self.gates.iter().zip(&rules).filter_map(|(gate, (_, rule))| gate.due(rule));
        // What was due already was heard, or had nothing to ask for.
        let later = gates.filter(|due| *due > self.latest);
        later.chain(room).chain(self.periodic).min().unwrap_or(self.latest)
    }

    fn at(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.latest
    }

    /// The causes that ask by a number.
    fn asking(&mut self, now: Duration, signals: &Signals) -> Causes {
        let parts = |number: u32, of: u32| {
            let parts = (u64::from(number) * 10_000).div_ceil(u64::from(of.max(1)));
            u32::try_from(parts).unwrap_or(u32::MAX)
        };
        let points = |pressure: Option<Pressure>| pressure.map(|pressure| pressure.get().into());
        let rate = self.rate.ratio(now);
        let settled = self
            .settled
            .is_some_and(|(live, share)| signals.live <= live && signals.share == share);
        let numbers = [
            Some(if settled { 0 } else { parts(signals.live, signals.share) }),
            Some(if signals.live > signals.low { rate } else { 0 }),
            points(signals.dials),
            points(signals.descriptors),
            points(signals.memory),
            points(signals.stalls),
            Some(signals.overuse),
        ];
        let urgent = signals.level == Level::Critical;
        let rules = self.rules.by_number();
        let asking = rules.iter().zip(&mut self.gates).zip(numbers);
        let asking = asking.filter_map(|(((cause, rule), gate), number)| {
            gate.look(now, rule, number, urgent).then_some(*cause)
        });
        asking.collect()
    }

    /// Adds what one cause wants, and says whether that is anything.
    fn serve(&self, cause: Cause, request: &mut Request, signals: &Signals) -> bool {
        match cause {
            Cause::Connections => request.leave(signals.low, signals.live),
            Cause::Spike => {
                request.pause = Some(self.rules.pause);
                request.leave(signals.share, signals.live);
                true
            }
            Cause::Dials => {
                request.dial_less = true;
                true
            }
            Cause::Descriptors => {
                self.relieve(self.rules.descriptors, signals.descriptors, request, signals)
            }
            Cause::Memory => self.relieve(self.rules.memory, signals.memory, request, signals),
            Cause::Stalls => self.relieve(self.rules.stalls, signals.stalls, request, signals),
            // No fewer connections for these: see `aim_lower`.
            Cause::Quota | Cause::Denied | Cause::Periodic | Cause::Manual => false,
        }
    }

    /// From where the cause begins to [`SATURATED`] from the share down to the low mark; in an
    /// emergency further.
    fn relieve(
        &self,
        rule: Rule,
        pressure: Option<Pressure>,
        request: &mut Request,
        signals: &Signals,
    ) -> bool {
        let Signals { live, share, level, .. } = *signals;
        let low = signals.low.min(share);
        if level == Level::Critical {
            let part = u64::from(live) * u64::from(self.rules.emergency.min(10_000)) / 10_000;
            let target = low.min(live - part as u32).max(self.rules.least);
            let urgent = request.leave(target, live);
            request.mode = if urgent { Mode::Emergency } else { request.mode };
            return urgent;
        }
        let above = u32::from(pressure.unwrap_or_default().get()).saturating_sub(rule.enter);
        let width = SATURATED.saturating_sub(rule.enter).max(1);
        let cut = u64::from(share - low) * u64::from(above.min(width)) / u64::from(width);
        request.leave(share - cut as u32, live)
    }

    /// What is asked for besides fewer connections in all. Fewer in all serve it too.
    fn aim_lower(
        &mut self,
        now: Duration,
        asking: Causes,
        request: &mut Request,
        signals: &Signals,
    ) {
        let quota = asking.contains(Cause::Quota) && !signals.over.is_empty();
        if quota {
            request.causes = request.causes.with(Cause::Quota);
        }
        if request.aim.is_some() {
            self.denied = None;
        } else if quota {
            request.aim = Some(Aim::Offenders(signals.over));
            request.mode = request.mode.max(Mode::Batch);
        } else if let Some(newcomer) = self.denied.take_if(|_| now >= self.room) {
            self.room = now.saturating_add(self.rules.room);
            request.causes = request.causes.with(Cause::Denied);
            request.aim = Some(Aim::Room(1));
            request.newcomer = Some(newcomer);
        }
    }
}
