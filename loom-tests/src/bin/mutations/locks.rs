//! Faults of the connection manager's locks.

use crate::mutation::Mutation;

/// In files of `crates/rcmgr-connmgr/src`.
pub const MUTATIONS: &[Mutation] = &[
    Mutation {
        name: "prune what is locked",
        file: "lock/word.rs",
        find: "(_, 0) => Ok(self.in_state(State::Closing)),",
        put: "(_, _) => Ok(self.in_state(State::Closing)),",
    },
    Mutation {
        name: "lock what is being closed",
        file: "lock/word.rs",
        find: "State::Closing => Err(Stop::Closing),\n            State::Yielding",
        put: "State::Closing => Ok(Word(self.0 + ONE_LOCK)),\n            State::Yielding",
    },
    Mutation {
        name: "lock what yields",
        file: "lock/word.rs",
        find: "State::Yielding => Err(Stop::Yielding),",
        put: "State::Yielding => Ok(Word(self.0 + ONE_LOCK)),",
    },
    Mutation {
        name: "unlock whatever connection is in the cell",
        file: "lock/word.rs",
        find: "if self.state() != State::Free && self.epoch() == epoch {",
        put: "if self.state() != State::Free {",
    },
    Mutation {
        name: "prune with Relaxed",
        file: "lock/connection.rs",
        find: "self.change(Ordering::Acquire, |word| word.pruned",
        put: "self.change(Ordering::Relaxed, |word| word.pruned",
    },
    Mutation {
        name: "unlock with Relaxed",
        file: "lock/connection.rs",
        find: "self.change(Ordering::AcqRel, |word| word.unlocked",
        put: "self.change(Ordering::Relaxed, |word| word.unlocked",
    },
    Mutation {
        name: "lock with Relaxed",
        file: "lock/connection.rs",
        find: "Ordering::Release,",
        put: "Ordering::Relaxed,",
    },
    Mutation {
        name: "close with Relaxed",
        file: "lock/connection.rs",
        find: "self.change(Ordering::AcqRel, |word| word.closed",
        put: "self.change(Ordering::Relaxed, |word| word.closed",
    },
    Mutation {
        name: "open a cell with Relaxed",
        file: "lock/connection.rs",
        find: ".change(Ordering::Acquire, |word| word.opened",
        put: ".change(Ordering::Relaxed, |word| word.opened",
    },
    Mutation {
        name: "keep a charge for a connection that another has locked",
        file: "lock/connection.rs",
        find: "if charged && seen.locks() > 0 {",
        put: "if false {",
    },
    Mutation {
        name: "keep a charge for a connection that is not locked after all",
        file: "lock/connection.rs",
        find: "if charged {",
        put: "if false {",
    },
    Mutation {
        name: "charge nothing for a connection that was unlocked meanwhile",
        file: "lock/connection.rs",
        find: "Err(now) => seen = Word(now),\n            }\n        };",
        put: "Err(now) => {\n                    seen = Word(now);\n                    charged = true;\n                }\n            }\n        };",
    },
    Mutation {
        name: "a denied lock keeps what its protocol was charged",
        file: "lock/lease.rs",
        find: ".inspect_err(|_| protocol.give_back())",
        put: "",
    },
    Mutation {
        name: "what the budget of all refuses stays with the peer",
        file: "lock/budget.rs",
        find: "connections.give_back();\n            LockDenied::GlobalBudget",
        put: "LockDenied::GlobalBudget",
    },
    Mutation {
        name: "the last unlock gives nothing back",
        file: "lock/connection.rs",
        find: "before.locks() == 1",
        put: "before.locks() == 0",
    },
    Mutation {
        name: "every unlock gives back",
        file: "lock/connection.rs",
        find: "before.locks() == 1",
        put: "before.locks() > 0",
    },
    Mutation {
        name: "a close gives nothing back",
        file: "lock/connection.rs",
        find: "if before.locks() > 0 {",
        put: "if false {",
    },
    Mutation {
        name: "end a lease that is over",
        file: "lock/lease.rs",
        find: "while seen != LeaseWord::OVER {",
        put: "loop {",
    },
    Mutation {
        name: "take a lock away without an exchange",
        file: "lock/lease.rs",
        find: "match self.exchange(seen, LeaseWord::OVER) {\n                Ok(()) => {\n                    self.give_back();\n                    return Some(by);",
        put: "match self.exchange(seen, LeaseWord::OVER).or(Ok::<_, LeaseWord>(())) {\n                Ok(()) => {\n                    self.give_back();\n                    return Some(by);",
    },
    Mutation {
        name: "take away what was renewed meanwhile",
        file: "lock/lease.rs",
        find: "loop {\n            let by = self.due_in(seen, now)?;",
        put: "let by = self.due_in(seen, now)?;\n        loop {",
    },
    Mutation {
        name: "renew what is being revoked",
        file: "lock/lease_word.rs",
        find: "LeaseState::Held(_) => Err(LeaseState::Over),",
        put: "LeaseState::Held(_) => Err(LeaseState::Over),\n            LeaseState::Revoking(_) => Ok(LeaseWord::held(until)),",
    },
    Mutation {
        name: "renew what was revoked meanwhile",
        file: "lock/lease.rs",
        find: "seen = other;\n            new = seen.renewed(now, until).map_err(denied)?;",
        put: "seen = other;",
    },
    Mutation {
        name: "revoke what is being revoked",
        file: "lock/lease_word.rs",
        find: "LeaseState::Held(until) => Some(LeaseWord(REVOKING",
        put: "LeaseState::Held(until) | LeaseState::Revoking(until) => Some(LeaseWord(REVOKING",
    },
    Mutation {
        name: "a new limit forgets what was charged meanwhile",
        file: "lock/budget.rs",
        find: "let _ = self.change(|now| Ok(BudgetUse { limit, ..now }));",
        put: "let used = self.get().used;\n        let _ = self.change(|_| Ok(BudgetUse { limit, used }));",
    },
    Mutation {
        name: "a touch undoes what came meanwhile",
        file: "lock/connection.rs",
        find: "let _ = self.change(Ordering::Relaxed, |word| word.used(self.epoch, seconds(now)));",
        put: "let used = self.cell.word().used(self.epoch, seconds(now));\n        let _ = self.change(Ordering::Relaxed, |_| used);",
    },
];
