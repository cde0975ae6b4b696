//! One run: the node, the honest clients and, but for the calibration, the attackers.

use std::{io, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::{
    child::Child,
    cores::Cores,
    honest,
    kind::Attack,
    message::{Answer, Attempted, Counts, Honest, Load, Order, Place, Play, Role, Served},
    usage::Usage,
};

/// How long a party may take to start, and to answer; a node without limits may have much to do.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the node's memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What all runs have in common.
#[derive(Clone, Debug)]
pub struct Setting {
    pub cores: Cores,
    pub seed: u64,
    pub clients: u16,
}

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub struct Trial {
    pub limited: bool,
    pub attack: Option<Attack>,
    pub load: Load,
    pub duration: Duration,
}

/// What was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    pub served: Served,
    /// What the node took from the beginning until the honest clients had their last answer.
    pub cpu: Duration,
    pub elapsed: Duration,
    /// The most that was resident since the node started, and the mean of the attack.
    pub peak: u64,
    pub mean: u64,
    pub counts: Counts,
    pub attempted: Option<Attempted>,
    /// Streams that the attackers opened on purpose, under limits.
    pub streams: Option<u64>,
}

impl Seen {
    /// How much of a core the node took.
    pub fn busy(&self) -> f64 {
        self.cpu.as_secs_f64() / self.elapsed.as_secs_f64()
    }

    /// The rate that the attackers came to.
    pub fn attacks_per_second(&self) -> f64 {
        self.attempted.map_or(0.0, |attempted| attempted.attempts as f64 / attempted.seconds)
    }
}

/// Starts everybody, lets them be, and sends them away.
///
/// # Errors
/// A process cannot be started or ends by itself. The others are killed.
pub async fn run(setting: &Setting, trial: Trial) -> io::Result<Seen> {
    let play = |role, cores: &[usize]| {
        Child::start(Play { role, cores: cores.to_vec(), seed: setting.seed })
    };
    let mut node = play(Role::Node { limited: trial.limited }, &setting.cores.node)?;
    let target = node.answer(PATIENCE, place).await?;
    let plan = Honest {
        target: target.clone(),
        load: trial.load,
        clients: setting.clients,
        duration: trial.duration,
    };
    let mut clients = play(Role::Honest(plan), &setting.cores.others)?;
    clients.answer(PATIENCE, ready).await?;
    let mut attackers = match trial.attack {
        Some(attack) => {
            let mut child = play(Role::Attacker { attack, target }, &setting.cores.others)?;
            child.answer(PATIENCE, ready).await?;
            Some(child)
        }
        None => None,
    };

    let before = node.usage()?;
    let start = Instant::now();
    clients.order(&Order::Begin)?;
    if let Some(attackers) = &mut attackers {
        attackers.order(&Order::Begin)?;
    }
    let mut memory = Memory::default();
    let longest = trial.duration + honest::TIMEOUT + PATIENCE;
    let served = {
        let answer = clients.answer(longest, served);
        tokio::pin!(answer);
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                served = &mut answer => break served?,
                _ = looks.tick() => memory.enter(node.usage()?),
            }
        }
    };
    let (after, elapsed) = (node.usage()?, start.elapsed());
    // While they still attack, so that refusals and time are of the same span.
    node.order(&Order::Tell)?;
    let mut counts = node.answer(PATIENCE, counted).await?;
    let attempted = match &mut attackers {
        Some(attackers) => {
            attackers.order(&Order::Tell)?;
            Some(attackers.answer(PATIENCE, attempted).await?)
        }
        None => None,
    };
    drop((attackers, clients));
    if trial.limited {
        node.order(&Order::Settle)?;
        let settled = node.answer(PATIENCE, counted).await?;
        counts.left = settled.left;
        counts.over_limit = settled.over_limit;
    }
    let streams = trial.attack.filter(|_| trial.limited).zip(attempted);
    Ok(Seen {
        streams: streams.and_then(|(attack, attempted)| attack.streams(attempted.attempts)),
        served,
        cpu: after.cpu.saturating_sub(before.cpu),
        elapsed,
        peak: after.peak,
        mean: memory.mean(),
        counts,
        attempted,
    })
}

/// The mean of what was resident.
#[derive(Default)]
struct Memory {
    sum: u64,
    looks: u64,
}

impl Memory {
    fn enter(&mut self, usage: Usage) {
        self.sum += usage.resident;
        self.looks += 1;
    }

    fn mean(&self) -> u64 {
        self.sum.checked_div(self.looks).unwrap_or(0)
    }
}

fn place(answer: Answer) -> Option<Place> {
    match answer {
        Answer::Listening(place) => Some(place),
        _ => None,
    }
}

fn ready(answer: Answer) -> Option<()> {
    matches!(answer, Answer::Ready).then_some(())
}

fn served(answer: Answer) -> Option<Served> {
    match answer {
        Answer::Served(served) => Some(served),
        _ => None,
    }
}

fn counted(answer: Answer) -> Option<Counts> {
    match answer {
        Answer::Counts(counts) => Some(counts),
        _ => None,
    }
}

fn attempted(answer: Answer) -> Option<Attempted> {
    match answer {
        Answer::Attempted(attempted) => Some(attempted),
        _ => None,
    }
}
