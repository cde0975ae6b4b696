//! Any story of locks against a plain account of them (K1 to K3).

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use proptest::prelude::*;

use super::{at, plan, slot};
use crate::lock::*;

const CELLS: usize = 3;
const PROTOCOLS: usize = 2;

/// Something that is done. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Lock {
        cell: usize,
        protocol: u8,
        lease: u64,
        priority: LockPriority,
    },
    Drop(usize),
    Renew(usize, u64),
    Revoke(usize),
    Poll,
    Prune(usize),
    Close(usize),
    Withdraw(u8),
    SetBudgets {
        connections: u32,
        protocol: u32,
    },
    SetLeast(LockPriority),
    /// Time goes on, or is told wrong.
    Wait(u64),
    TellWrong(u64),
}

fn step() -> impl Strategy<Value = Step> {
    use LockPriority::{High, Low, Normal};
    let priority = || prop_oneof![Just(Low), Just(Normal), Just(High)];
    let protocol = 0..PROTOCOLS as u8;
    prop_oneof![
        3 => (0..CELLS).prop_map(Step::Open),
        8 => (0..CELLS, protocol.clone(), 0..40_u64, priority())
            .prop_map(|(cell, protocol, lease, priority)| Step::Lock { cell, protocol, lease, priority }),
        3 => (0..8_usize).prop_map(Step::Drop),
        3 => (0..8_usize, 0..40_u64).prop_map(|(which, lease)| Step::Renew(which, lease)),
        2 => (0..4_usize).prop_map(Step::Revoke),
        3 => Just(Step::Poll),
        3 => (0..CELLS).prop_map(Step::Prune),
        1 => (0..CELLS).prop_map(Step::Close),
        1 => protocol.prop_map(Step::Withdraw),
        2 => (0..4_u32, 0..5_u32)
            .prop_map(|(connections, protocol)| Step::SetBudgets { connections, protocol }),
        1 => priority().prop_map(Step::SetLeast),
        3 => (0..20_u64).prop_map(Step::Wait),
        1 => any::<u64>().prop_map(|back| Step::TellWrong(back % 100)),
    ]
}

/// A lock, as it has to be.
#[derive(Clone, Debug)]
struct Plain {
    /// Which connection, by the order of openings.
    connection: usize,
    protocol: u8,
    until: u64,
    revoking: bool,
    over: bool,
    told: Arc<AtomicU32>,
}

struct Story {
    locks: Locks,
    peer: PeerLocks,
    cells: Vec<Arc<ConnectionCell>>,
    /// The connections in the cells, with their numbers.
    live: Vec<Option<(usize, LiveConnection)>>,
    opened: usize,
    closing: Vec<usize>,
    held: Vec<(LockGuard, Plain)>,
    now: u64,
}

impl Story {
    fn new() -> Story {
        let locks = Locks::new(LockBudgets { connections: 2, connections_per_peer: 2 });
        for number in 0..PROTOCOLS as u8 {
            locks.set_protocol_budget(slot(number), 3);
        }
        Story {
            peer: locks.peer(),
            locks,
            cells: (0..CELLS as u32).map(|key| Arc::new(ConnectionCell::new(key))).collect(),
            live: vec![None; CELLS],
            opened: 0,
            closing: Vec::new(),
            held: Vec::new(),
            now: 0,
        }
    }

    /// Locks that hold a connection, by connections.
    fn locked(&self) -> BTreeMap<usize, u32> {
        let live: Vec<usize> = self.live.iter().flatten().map(|(number, _)| *number).collect();
        let mut locked = BTreeMap::new();
        for (_, plain) in &self.held {
            if !plain.over && live.contains(&plain.connection) {
                *locked.entry(plain.connection).or_default() += 1;
            }
        }
        locked
    }

    fn locks_of(&self, protocol: u8) -> u32 {
        self.held.iter().filter(|(_, it)| !it.over && it.protocol == protocol).count() as u32
    }

    fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        let now = at(self.now);
        match *step {
            Step::Open(cell) => {
                let opened = self.cells[cell].open(now, &self.peer);
                prop_assert_eq!(opened.is_some(), self.live[cell].is_none());
                if let Some(connection) = opened {
                    self.live[cell] = Some((self.opened, connection));
                    self.opened += 1;
                }
            }
            Step::Lock { cell, protocol, lease, priority } => {
                let Some((number, connection)) = &self.live[cell] else { return Ok(()) };
                let told = Arc::new(AtomicU32::new(0));
                let tell = told.clone();
                let request = LockRequest {
                    lease: at(lease),
                    priority,
                    on_revoke: Some(Box::new(move |_| {
                        tell.fetch_add(1, Ordering::Relaxed);
                    })),
                    ..LockRequest::default()
                };
                let granted = self.locks.lock(now, connection, slot(protocol), request);
                let room = |budget: BudgetUse| budget.used <= budget.limit;
                match granted {
                    Ok(guard) => {
                        prop_assert!(!self.closing.contains(number));
                        prop_assert!(room(self.locks.protocol_usage(slot(protocol))));
                        if !self.locked().contains_key(number) {
                            prop_assert!(room(self.locks.connection_usage()));
                        }
                        let (connection, until) = (*number, self.now + lease);
                        let plain = Plain {
                            connection,
                            protocol,
                            until,
                            revoking: false,
                            over: false,
                            told,
                        };
                        self.held.push((guard, plain));
                    }
                    Err(LockDenied::Closing) => prop_assert!(self.closing.contains(number)),
                    Err(LockDenied::GlobalBudget { limit }) => {
                        prop_assert!(!self.locked().contains_key(number));
                        prop_assert!(self.locked().len() as u32 >= limit);
                    }
                    Err(LockDenied::ProtocolBudget { limit }) => {
                        prop_assert!(self.locks_of(protocol) >= limit);
                    }
                    Err(_) => {}
                }
            }
            Step::Drop(which) => {
                if which < self.held.len() {
                    drop(self.held.swap_remove(which));
                }
            }
            Step::Renew(which, lease) => {
                let Some((guard, plain)) = self.held.get_mut(which) else { return Ok(()) };
                if let Ok(until) = guard.renew(now, at(lease)) {
                    prop_assert!(!plain.over && !plain.revoking && plain.until > self.now);
                    plain.until = plain.until.max(self.now + lease);
                    prop_assert_eq!(until, at(plain.until));
                }
            }
            Step::Revoke(connections) => {
                for revocation in self.locks.revoke(now, plan(connections)) {
                    prop_assert_eq!(revocation.deliver(), Delivery::Told);
                }
                for (_, plain) in &mut self.held {
                    if !plain.revoking && plain.told.load(Ordering::Relaxed) == 1 {
                        plain.revoking = true;
                        plain.until = plain.until.min(self.now + 2);
                    }
                }
            }
            Step::Poll => {
                let taken = self.locks.poll(now).len();
                let live: Vec<usize> = self.live.iter().flatten().map(|it| it.0).collect();
                let due = self.held.iter_mut().map(|(_, plain)| plain).filter(|plain| {
                    !plain.over && (plain.until <= self.now || !live.contains(&plain.connection))
                });
                prop_assert_eq!(due.map(|plain| plain.over = true).count(), taken);
            }
            Step::Prune(cell) => {
                let Some((number, connection)) = &self.live[cell] else { return Ok(()) };
                let locked = self.locked().get(number).copied().unwrap_or(0);
                let expected = match locked {
                    _ if self.closing.contains(number) => Err(Kept::Closing),
                    0 => Ok(()),
                    locked => Err(Kept::Locked(locked as u16)),
                };
                prop_assert_eq!(connection.prune(), expected);
                self.closing.push(*number);
                if expected != Ok(()) && expected != Err(Kept::Closing) {
                    self.closing.pop();
                }
            }
            Step::Close(cell) => {
                if let Some((_, connection)) = self.live[cell].take() {
                    prop_assert!(connection.close());
                    prop_assert!(!connection.close());
                }
            }
            Step::Withdraw(protocol) => {
                let expected = self.locks_of(protocol) as usize;
                prop_assert_eq!(self.locks.withdraw(slot(protocol)).len(), expected);
                let of_it = self.held.iter_mut().filter(|(_, it)| it.protocol == protocol);
                of_it.for_each(|(_, plain)| plain.over = true);
            }
            Step::SetBudgets { connections, protocol } => {
                self.locks.set_connection_budget(connections);
                self.locks.set_protocol_budget(slot(0), protocol);
            }
            Step::SetLeast(least) => self.locks.set_least_priority(least),
            Step::Wait(seconds) => self.now += seconds,
            Step::TellWrong(back) => {
                // Taken for the present, in which everything due may be taken.
                self.locks.poll(at(self.now));
                let taken = self.locks.poll(at(self.now.saturating_sub(back)));
                prop_assert!(taken.is_empty());
                let live: Vec<usize> = self.live.iter().flatten().map(|it| it.0).collect();
                for (_, plain) in &mut self.held {
                    plain.over |= plain.until <= self.now || !live.contains(&plain.connection);
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let locked = self.locked();
        prop_assert_eq!(self.locks.connection_usage().used as usize, locked.len());
        prop_assert_eq!(self.peer.usage().used as usize, locked.len());
        for protocol in 0..PROTOCOLS as u8 {
            let usage = self.locks.protocol_usage(slot(protocol));
            prop_assert_eq!(usage.used, self.locks_of(protocol));
        }
        for (number, connection) in self.live.iter().flatten() {
            let look = connection.look().expect("it is in its cell");
            prop_assert_eq!(u32::from(look.locks), locked.get(number).copied().unwrap_or(0));
            prop_assert_eq!(look.closing, self.closing.contains(number));
        }
        for (guard, plain) in &self.held {
            prop_assert!(plain.told.load(Ordering::Relaxed) <= 1);
            if plain.over {
                prop_assert_eq!(guard.state(at(self.now)), LockState::Over);
            }
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn any_story_is_as_the_plain_account_says(steps in prop::collection::vec(step(), 1..80)) {
        let mut story = Story::new();
        for step in &steps {
            story.take(step)?;
            story.check()?;
        }
        let Story { locks, held, peer, .. } = story;
        drop(held);
        prop_assert_eq!((locks.connection_usage().used, peer.usage().used), (0, 0));
        // Nothing of any lock is left to wait for, but for connections that yield.
        locks.poll(at(u64::MAX));
        prop_assert_eq!(locks.next_due(), None);
    }
}
