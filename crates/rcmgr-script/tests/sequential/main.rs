//! The engine against a sequential model: random scripts over all scopes and resources, and after
//! each operation every verdict and every counter compared. A script that shows a difference is
//! printed, and can be run again with `rcmgr script run`.
//!
//! `PROPTEST_CASES` sets how many lives of a manager are drawn, `PROPTEST_RNG_SEED` which ones;
//! without it they are always the same.

use std::collections::BTreeSet;

use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestError, TestRunner},
};
use rcmgr_core::{Amount, Direction, Limit, Limits, PeerKey, Resource, ScopeId, ScopeLimit};
use rcmgr_script::{Dir, Header, Op, ScopeName, Script, Shared};

mod engine;
mod model;
mod ops;

use engine::Engine;
use model::{Failure, Model, Verdict, Why};
use ops::{Case, Handle, id};

/// How many lives are drawn by default.
const CASES: u32 = 4000;

fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("PROPTEST_CASES").is_none() {
        config.cases = CASES;
    }
    if config.rng_seed == RngSeed::Random {
        config.rng_seed = SEED;
    }
    config.failure_persistence = None;
    config.max_shrink_iters = 100_000;
    config
}

const SEED: RngSeed = RngSeed::Fixed(1);

#[test]
fn engine_and_model_agree() {
    let lived = TestRunner::new(config()).run(&ops::case(), |case| {
        let mut pair = Pair::new(case.limits.clone());
        pair.live(&case).map_err(|difference| TestCaseError::fail(pair.tell(&difference)))
    });
    match lived {
        Ok(()) => {}
        // The reason tells the case as it was lived.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(aborted) => panic!("{aborted}"),
    }
}

/// The one counter that random operations seldom find full: that of a peer, by a connection that
/// was not yet charged to the peer's system.
#[test]
fn allowlisted_connection_meets_a_full_peer() {
    let peer: PeerKey = b"ann".as_slice().into();
    let most = Amount::connections(Direction::Inbound, (1 << 21) - 1);
    let full = Limit::new(most.connections_inbound.into());
    let system = ScopeLimit::UNLIMITED.with(Resource::ConnectionsInbound, full);
    let mut pair = Pair::new(ops::with_addresses(Limits { system, ..Limits::default() }));
    let scope = || ScopeName::Id(id(0));
    let ops = [
        Op::View { id: id(0), scope: ScopeName::Shared(Shared::Peer("ann".into())) },
        Op::HoldAmount { id: id(1), scope: scope(), amount: most.into(), prio: 255 },
        Op::OpenConn {
            id: id(2),
            dir: Dir::In,
            usefd: false,
            endpoint: ops::endpoint_at(Some(ops::ANYONES)),
        },
        Op::SetPeer { id: id(2), peer: "ann".into() },
        Op::Done { id: id(1) },
        Op::SetPeer { id: id(2), peer: "ann".into() },
    ];
    for op in ops {
        if let Err(difference) = pair.step(op) {
            panic!("{}", pair.tell(&difference));
        }
    }
    let full =
        Failure { scope: ScopeId::Peer(peer), why: Why::Capacity(Resource::ConnectionsInbound) };
    assert_eq!(pair.verdicts, [Ok(()), Ok(()), Ok(()), Err(full), Ok(()), Ok(())]);
}

/// A model and an engine to which the same things happen.
struct Pair {
    limits: Limits,
    model: Model,
    engine: Engine,
    done: Vec<Op>,
    verdicts: Vec<Verdict>,
}

impl Pair {
    fn new(limits: Limits) -> Pair {
        Pair {
            model: Model::new(limits.clone()),
            engine: Engine::new(limits.clone()),
            limits,
            done: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    fn live(&mut self, case: &Case) -> Result<(), String> {
        for op in &case.ops {
            if let Some(op) = op.among(&self.model, self.done.len()) {
                self.step(op)?;
            }
        }
        let mut left: Vec<Handle> = self.model.handles().keys().copied().collect();
        if case.newest_first {
            left.reverse();
        }
        for handle in left {
            self.step(Op::Done { id: id(handle) })?;
        }
        self.step(Op::Gc {})?;
        self.engine.is_like_new(&self.model.kept())
    }

    /// Does `op` in both; an error tells how they differ.
    fn step(&mut self, op: Op) -> Result<(), String> {
        let new = self.done.len();
        let expected = self.model.apply(&op, new);
        self.done.push(op);
        let op = &self.done[new];
        self.engine.apply(op, new, &expected)?;
        self.verdicts.push(expected);
        if matches!(op, Op::Gc {}) {
            self.engine.holds_only(&self.model.kept())?;
        }
        self.engine.compare(&self.model)
    }

    /// The difference, and the script that led to it.
    fn tell(&self, difference: &str) -> String {
        let mut script = serde_json::to_string(&Header::of(&self.limits)).expect("it is JSON");
        for op in &self.done {
            script += "\n";
            script += &serde_json::to_string(op).expect("it is JSON");
        }
        format!("{difference}\nafter the last line of this script:\n{script}\n")
    }
}

/// What is told of a difference is a script that does the same again.
#[test]
fn what_is_told_is_a_script() {
    let mut runner = TestRunner::new(ProptestConfig { rng_seed: SEED, ..config() });
    for _ in 0..CASES / 100 {
        let case = ops::case().new_tree(&mut runner).expect("nothing is filtered").current();
        let mut pair = Pair::new(case.limits.clone());
        pair.live(&case).unwrap_or_else(|difference| panic!("{}", pair.tell(&difference)));
        let told = pair.tell("");
        let script = told.splitn(3, '\n').nth(2).expect("the script follows").to_owned();
        let mut script = Script::read("told", std::io::Cursor::new(script)).expect("it is one");
        assert_eq!(script.header().limits().expect("they are limits"), case.limits);
        let mut runner = script.runner().expect("it can be run");
        for (at, verdict) in pair.verdicts.iter().enumerate() {
            let op = script.next().expect("it is an operation").expect("it is not the end");
            assert_eq!(op, pair.done[at]);
            let answer = runner.apply(&op).expect("it means something");
            assert_eq!(answer.ok, verdict.is_ok(), "{op:?}");
        }
        assert_eq!(script.next().expect("it is the end"), None);
    }
}

/// What a run of the generator reached, by the model's account.
#[derive(Default)]
struct Tally {
    asked: u32,
    refused: u32,
    refusals: BTreeSet<(&'static str, Resource)>,
    capacities: BTreeSet<(&'static str, Resource)>,
    outcomes: BTreeSet<(&'static str, &'static str)>,
}

impl Tally {
    fn count(&mut self, op: &Op, verdict: &Verdict, model: &Model) {
        let kind = |scope: &ScopeId| match scope {
            ScopeId::Span(_) if model.memory_only(scope) => "span of a leaf",
            _ => scope.kind(),
        };
        let outcome = match verdict {
            Ok(()) => "done",
            Err(failure) => match failure.why {
                Why::Refused { resource, .. } => {
                    self.refusals.insert((kind(&failure.scope), resource));
                    "refused"
                }
                Why::Capacity(resource) => {
                    self.capacities.insert((kind(&failure.scope), resource));
                    "capacity"
                }
                Why::Closed => "closed",
                Why::AlreadyAttached => "already attached",
                Why::NoProtocol => "no protocol",
                Why::MemoryOnly => "memory only",
                Why::NotHeld => "not held",
                Why::OtherScope => "other scope",
            },
        };
        self.asked += u32::from(ops::asks(op));
        self.refused += u32::from(outcome == "refused");
        self.outcomes.insert((ops::name(op), outcome));
    }
}

/// The property test is worth what its operations reach: of those that limits have a say in,
/// about a third are refused, and everything that can happen does.
#[test]
fn generator_reaches_everything() {
    // Always the same lives: what the environment says is of the other test.
    let mut runner = TestRunner::new(ProptestConfig { rng_seed: SEED, ..config() });
    let mut tally = Tally::default();
    for _ in 0..CASES {
        let case = ops::case().new_tree(&mut runner).expect("nothing is filtered").current();
        let mut model = Model::new(case.limits);
        for (new, op) in case.ops.iter().enumerate() {
            if let Some(op) = op.among(&model, new) {
                let verdict = model.apply(&op, new);
                tally.count(&op, &verdict, &model);
            }
        }
    }
    let share = f64::from(tally.refused) / f64::from(tally.asked);
    println!("{} of {} refused: {share:.3}", tally.refused, tally.asked);
    assert!((0.25..0.42).contains(&share), "{share:.3} of what was asked for was refused");
    assert_eq!(missed(&refusable(), &tally.refusals), []);
    assert_eq!(missed(&exhaustible(), &tally.capacities), []);
    tally.outcomes.remove(&("set peer", "capacity"));
    assert_eq!(missed(&outcomes(), &tally.outcomes), []);
}

/// What was expected and not seen, or seen and not expected.
fn missed<T: Ord + Copy>(expected: &BTreeSet<T>, seen: &BTreeSet<T>) -> Vec<T> {
    expected.symmetric_difference(seen).copied().collect()
}

/// The shared scopes that there are views of. Anything may be reserved in them and in spans under
/// them, so they refuse every resource.
const WIDE: [&str; 8] = [
    "system",
    "transient",
    "allowlisted_system",
    "allowlisted_transient",
    "service",
    "protocol",
    "peer",
    "span",
];

/// What can be refused, and by which kind of scope. A leaf and its pair scopes see no more than
/// the leaf's unit and memory; a span of a leaf sees memory alone; a ledger has no limit.
fn refusable() -> BTreeSet<(&'static str, Resource)> {
    use Resource::*;
    let stream = [Memory, StreamsInbound, StreamsOutbound, Streams];
    let connection =
        [Memory, ConnectionsInbound, ConnectionsOutbound, Connections, FileDescriptors];
    let kind = |kind, resources: &[Resource]| {
        resources.iter().map(|resource| (kind, *resource)).collect::<Vec<_>>()
    };
    let mut all: BTreeSet<_> = WIDE.iter().flat_map(|wide| kind(*wide, &Resource::ALL)).collect();
    all.extend(kind("connection", &connection));
    for streams in ["stream", "peer_protocol", "peer_service"] {
        all.extend(kind(streams, &stream));
    }
    all.extend(kind("span of a leaf", &[Memory]));
    all.extend(kind("network", &[Connections]));
    all
}

/// Which counters can be full: those of wide scopes, and the memory of leaves and their spans. It
/// would take sixteen full leaves of one pair to fill the memory of its scope.
fn exhaustible() -> BTreeSet<(&'static str, Resource)> {
    let totals = [Resource::Streams, Resource::Connections, Resource::Tasks];
    let counters = Resource::ALL.into_iter().filter(|resource| !totals.contains(resource));
    let wide = counters.flat_map(|counter| WIDE.map(|wide| (wide, counter)));
    let leaf = ["connection", "stream", "span of a leaf"];
    wide.chain(leaf.map(|leaf| (leaf, Resource::Memory))).collect()
}

/// How each operation can end. A stream is charged to the system from its first moment, so the
/// counter of a protocol or service that it enters is never full before that of the system. That of
/// a peer may be, but it is rare: [`allowlisted_connection_meets_a_full_peer`] sees to it.
fn outcomes() -> BTreeSet<(&'static str, &'static str)> {
    let asks = ["done", "refused", "capacity"];
    let reserves = ["done", "refused", "capacity", "closed", "memory only"];
    let all: [(&str, &[&str], &[&str]); 18] = [
        ("open connection", &asks, &[]),
        ("open stream", &asks, &[]),
        ("view", &["done"], &[]),
        ("set peer", &["done", "refused"], &["already attached"]),
        ("set protocol", &["done", "refused"], &["already attached"]),
        ("set service", &["done", "refused"], &["already attached", "no protocol"]),
        ("begin span", &["done"], &[]),
        ("ledger", &["done"], &[]),
        ("reserve memory", &asks, &["closed"]),
        ("reserve", &reserves, &[]),
        ("reserve briefly", &reserves, &[]),
        ("grow", &reserves, &[]),
        ("shrink", &["done"], &["not held"]),
        ("split", &["done"], &["not held"]),
        ("merge", &["done"], &["other scope"]),
        ("drop", &["done"], &[]),
        ("set limits", &["done"], &[]),
        ("set limit", &["done"], &[]),
    ];
    let ends = |(op, common, own): (_, &[_], &[_])| -> Vec<_> {
        common.iter().chain(own).map(|end| (op, *end)).collect()
    };
    let mut outcomes: BTreeSet<_> = all.into_iter().flat_map(ends).collect();
    outcomes.extend([("clear limit", "done"), ("collect", "done")]);
    outcomes
}
