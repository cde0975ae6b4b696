//! While a priority is required, reservations of memory below it are refused, whatever room there is,
//! and nothing else is (R10).

use core::mem::{Discriminant, discriminant};

use proptest::prelude::*;
use rcmgr_core::{
    Accounting, AllowlistEntry, Amount, ConnectionRequest, Direction, Error, Limit, Limits,
    MemoryAccount, Priority, ResourceManager, ScopeLimit, TaskClass,
};

const LOW_UNDER_HIGH: Error =
    Error::MemoryPressure { asked: Priority::LOW, required: Priority::HIGH };

fn stats(manager: &ResourceManager) -> Vec<Amount> {
    manager.stats().amounts().copied().collect()
}

#[test]
fn reservations_of_every_kind_need_the_priority() {
    let manager = ResourceManager::default();
    let system = manager.system();
    let connection = manager.open_connection(ConnectionRequest::inbound()).unwrap();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    let span = stream.begin_span().unwrap();
    let inner = span.begin_span().unwrap();
    let ledger = system.ledger().unwrap();
    let (peer, protocol) = (manager.peer(b"peer"), manager.protocol("protocol"));
    let service = manager.service("service");
    let mut held = stream.reserve_memory(7, Priority::LOW).unwrap();
    let before = stats(&manager);

    manager.require_priority(Priority::HIGH);
    assert_eq!(manager.required_priority(), Priority::HIGH);
    let memory = Amount::memory(1);
    let refusals = [
        system.reserve_memory(1, Priority::LOW).map(drop),
        system.reserve_memory(0, Priority::LOW).map(drop),
        system.reserve(memory.with_tasks(TaskClass::Low, 1), Priority::LOW).map(drop),
        peer.reserve_memory(1, Priority::LOW).map(drop),
        protocol.reserve_memory(1, Priority::LOW).map(drop),
        service.reserve(memory, Priority::LOW).map(drop),
        connection.reserve_memory(1, Priority::LOW).map(drop),
        stream.reserve_memory(1, Priority::LOW).map(drop),
        span.reserve_memory(1, Priority::LOW).map(drop),
        inner.reserve(memory, Priority::LOW).map(drop),
        ledger.reserve(memory, Priority::LOW),
        held.grow(memory, Priority::LOW),
        MemoryAccount::reserve_memory(&connection, 1, Priority::LOW).map(drop),
        MemoryAccount::reserve_memory(&stream, 1, Priority::LOW).map(drop),
    ];
    for (index, refusal) in refusals.into_iter().enumerate() {
        assert_eq!(refusal, Err(LOW_UNDER_HIGH), "reservation {index}");
    }
    assert_eq!(stats(&manager), before, "no refusal charges");

    for priority in [Priority::HIGH, Priority::ALWAYS] {
        assert!(stream.reserve_memory(1, priority).is_ok());
        assert!(ledger.reserve(memory, priority).is_ok());
        assert!(held.grow(memory, priority).is_ok());
    }
    manager.require_priority(Priority::ALWAYS);
    assert!(inner.reserve_memory(1, Priority::ALWAYS).is_ok());
    assert!(inner.reserve_memory(1, Priority(254)).is_err());
    manager.require_priority(Priority::LOWEST);
    assert!(inner.reserve_memory(0, Priority::LOWEST).is_ok());
}

#[test]
fn what_asks_for_no_memory_is_not_refused() {
    let manager = ResourceManager::default();
    let connection = manager.open_connection(ConnectionRequest::inbound()).unwrap();
    let window = connection.reserve_memory(10, Priority::LOW).unwrap();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    let mut buffer = stream.reserve_memory(10, Priority::LOW).unwrap();

    manager.require_priority(Priority::ALWAYS);
    // They move with the memory that they hold.
    connection.set_peer(b"peer").unwrap();
    stream.set_protocol("protocol").unwrap();
    stream.set_service("service").unwrap();
    drop(Accounting::open_stream(&manager, b"other", Direction::Outbound).unwrap());
    drop(manager.open_connection(ConnectionRequest::outbound().with_file_descriptor()).unwrap());
    let system = manager.system();
    let tasks = Amount::tasks(TaskClass::Low, 1).with_streams(Direction::Inbound, 1);
    assert!(system.reserve(tasks, Priority::LOWEST).is_ok());
    assert!(system.reserve(Amount::ZERO, Priority::LOWEST).is_ok());
    buffer.grow(Amount::ZERO, Priority::LOWEST).unwrap();
    buffer.shrink(Amount::memory(4)).unwrap();
    assert_eq!(manager.stats().services["service"].memory, 6);
    drop((window, buffer));
    assert_eq!(manager.stats().system.memory, 0);
}

#[test]
fn a_refusal_says_what_is_required_and_that_it_will_pass() {
    assert_eq!(
        LOW_UNDER_HIGH.to_string(),
        "the machine is short of memory: a reservation of it needs priority 203 for now, and this \
         one has 101; try again later, or do without"
    );
    assert!(LOW_UNDER_HIGH.may_succeed_later());
    assert_eq!(LOW_UNDER_HIGH.refusal(), None);
    assert_eq!(LOW_UNDER_HIGH.scope().kind(), "system");
}

#[test]
fn changes_of_limits_leave_it_alone() {
    let manager = ResourceManager::default();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    manager.require_priority(Priority::HIGH);
    manager.set_limits(Limits::default());
    manager.system().set_limit(ScopeLimit::UNLIMITED);
    stream.set_limit(ScopeLimit::UNLIMITED);
    let network = "192.0.2.0/24".parse().unwrap();
    assert!(manager.allow(&AllowlistEntry::network(network)));
    assert_eq!(manager.required_priority(), Priority::HIGH);
    stream.set_limit(ScopeLimit::BLOCK_ALL);
    manager.require_priority(Priority::LOWEST);
    assert_eq!(manager.system().limit(), ScopeLimit::UNLIMITED);
    assert_eq!(stream.limit(), ScopeLimit::BLOCK_ALL);
    assert_eq!(manager.allowlist().len(), 1);
}

/// From what is reserved.
#[derive(Clone, Copy, Debug)]
enum Owner {
    System,
    Peer,
    Stream,
    SpanOfStream,
    SpanOfSystem,
}

fn owner() -> impl Strategy<Value = Owner> {
    prop::sample::select(&[
        Owner::System,
        Owner::Peer,
        Owner::Stream,
        Owner::SpanOfStream,
        Owner::SpanOfSystem,
    ])
}

fn amount() -> impl Strategy<Value = Amount> {
    (prop_oneof![Just(0), 0..600u64], 0..3u32, 0..3u32).prop_map(|(memory, streams, tasks)| {
        Amount::streams(Direction::Inbound, streams)
            .with_tasks(TaskClass::High, tasks)
            .with_memory(memory)
    })
}

/// From what, how much and at which priority.
type Wish = (Owner, Amount, u8);

/// What a manager of little room answers to reservations that are all kept, and what it then holds.
fn answers(required: Priority, wanted: &[Wish]) -> Vec<(Result<(), Error>, Vec<Amount>)> {
    let mut limits = Limits::default();
    limits.system.memory = Limit::new(2000);
    limits.system.streams = Limit::new(8);
    limits.peer.memory = Limit::new(1000);
    limits.stream.memory = Limit::new(700);
    let manager = ResourceManager::new(limits);
    let (system, peer) = (manager.system(), manager.peer(b"peer"));
    let stream = manager.open_stream(b"peer", Direction::Inbound).expect("there is room");
    let (of_stream, of_system) = (stream.begin_span(), system.begin_span());
    let (of_stream, of_system) = (of_stream.expect("it is open"), of_system.expect("it is open"));
    let mut kept = Vec::new();
    manager.require_priority(required);
    let reserve = |(owner, amount, priority): &Wish| {
        let priority = Priority(*priority);
        let reserved = match owner {
            Owner::System => system.reserve(*amount, priority),
            Owner::Peer => peer.reserve(*amount, priority),
            Owner::Stream => stream.reserve_memory(amount.memory, priority),
            Owner::SpanOfStream => of_stream.reserve(*amount, priority),
            Owner::SpanOfSystem => of_system.reserve(*amount, priority),
        };
        let answer = reserved.map(|reserved| kept.push(reserved));
        (answer, stats(&manager))
    };
    wanted.iter().map(reserve).collect()
}

/// Whether pressure refuses it. That a span of a stream has memory only is found before.
fn is_refused(&(owner, amount, priority): &Wish, required: Priority) -> bool {
    let asks_for_memory = match owner {
        Owner::Stream => true,
        Owner::SpanOfStream => amount.memory != 0 && amount == Amount::memory(amount.memory),
        Owner::System | Owner::Peer | Owner::SpanOfSystem => amount.memory != 0,
    };
    asks_for_memory && Priority(priority) < required
}

/// An answer without the numbers of handles, which differ from manager to manager.
fn in_short(answer: Result<(), Error>) -> Result<(), (Discriminant<Error>, &'static str, u64)> {
    answer.map_err(|error| {
        let used = error.refusal().map_or(0, |refusal| refusal.used);
        (discriminant(&error), error.scope().kind(), used)
    })
}

proptest! {
    #[test]
    fn a_reservation_passes_if_it_would_without_and_its_priority_suffices(
        wanted in prop::collection::vec((owner(), amount(), any::<u8>()), 1..40),
        required in any::<u8>(),
    ) {
        let required = Priority(required);
        // Those that pressure refuses charge nothing: so the others are answered, and leave behind,
        // what they do alone and without pressure.
        let others: Vec<Wish> =
            wanted.iter().filter(|wish| !is_refused(wish, required)).copied().collect();
        let mut without = answers(Priority::LOWEST, &others).into_iter();
        let mut held = None;
        for (wish, (answer, stats)) in wanted.iter().zip(answers(required, &wanted)) {
            if is_refused(wish, required) {
                let asked = Priority(wish.2);
                prop_assert_eq!(answer, Err(Error::MemoryPressure { asked, required }));
                prop_assert!(held.is_none_or(|held| held == stats), "it has charged something");
            } else {
                let (expected, expected_stats) = without.next().expect("it is one of the others");
                prop_assert_eq!(in_short(answer), in_short(expected));
                prop_assert_eq!(&stats, &expected_stats);
            }
            held = Some(stats);
        }
    }
}
