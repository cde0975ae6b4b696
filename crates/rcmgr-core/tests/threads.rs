//! Several threads on shared scopes: whatever they did to one another, every counter is afterwards
//! the sum of what is held, and zero once nothing is.
//!
//! Connections, streams and spans lie in one pool, from which any thread takes one to reserve on
//! it, to move it or to close it while others do the same. Which thread comes first is left to the
//! scheduler; what each of them tries is the same in every run.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, Weak},
    thread,
};

use rcmgr_core::{
    AllowlistEntry, Amount, ConnectionRequest, ConnectionScope, Direction, Error, Granule,
    IpLimits, Ledger, Limit, Limits, Priority, Reservation, Resource, ResourceManager, Scope,
    ScopeId, ScopeLimit, Span, Stats, StreamScope, TaskClass, ipnet::IpNet,
};

const THREADS: u64 = 4;
const ROUNDS: u64 = 20;
const STEPS: usize = 100_000;
/// How many connections, streams and spans are open at a time, in one round and in the next: few,
/// so that threads meet on the same one, and enough for all kinds of them.
const OPEN: [u64; 2] = [3, 30];

const PEERS: [&str; 3] = ["ann", "bob", "cyd"];
const PROTOCOLS: [&str; 2] = ["/ping", "/sync"];
const SERVICES: [&str; 2] = ["dht", "relay"];

/// Of an allowlisted network, of one from which a peer is allowed, and of another.
const ADDRESSES: [[u8; 4]; 3] = [[10, 0, 0, 1], [10, 1, 0, 1], [10, 2, 0, 1]];

/// What is closed by being dropped, by whichever thread drops it last.
enum Open {
    Connection { scope: ConnectionScope, unit: Amount },
    Stream(StreamScope),
    Span { scope: Span, owner: Owner },
}

/// What a span, ledger or reservation was made of.
#[derive(Clone)]
enum Owner {
    Shared(ScopeId),
    Open(Weak<Open>),
}

/// What was reserved.
struct Book {
    held: Held,
    owner: Owner,
}

enum Held {
    Reservation(Reservation<'static>),
    Ledger(Ledger),
}

impl Open {
    fn id(&self) -> ScopeId {
        match self {
            Open::Connection { scope, .. } => scope.id(),
            Open::Stream(scope) => scope.id(),
            Open::Span { scope, .. } => scope.id(),
        }
    }

    fn stats(&self) -> Amount {
        match self {
            Open::Connection { scope, .. } => scope.stats(),
            Open::Stream(scope) => scope.stats(),
            Open::Span { scope, .. } => scope.stats(),
        }
    }

    /// What it has charged and does not use.
    fn idle(&self) -> Amount {
        let charged = match self {
            Open::Connection { scope, .. } => scope.charged_memory(),
            Open::Stream(scope) => scope.charged_memory(),
            Open::Span { .. } => return Amount::ZERO,
        };
        let used = self.stats().memory;
        Amount::memory(charged.checked_sub(used).expect("what is used was charged"))
    }

    /// What it holds by being open.
    fn unit(&self) -> Amount {
        match self {
            Open::Connection { unit, .. } => *unit,
            Open::Stream(scope) => Amount::streams(scope.direction(), 1),
            Open::Span { .. } => Amount::ZERO,
        }
    }

    /// The scopes that what it holds is counted in.
    fn path(&self) -> Vec<ScopeId> {
        let mut path = vec![self.id()];
        match self {
            Open::Connection { scope, .. } => {
                let (transient, system) = match scope.is_allowlisted() {
                    false => (ScopeId::Transient, ScopeId::System),
                    true => (ScopeId::AllowlistedTransient, ScopeId::AllowlistedSystem),
                };
                path.push(scope.peer().map_or(transient, ScopeId::Peer));
                path.push(system);
            }
            Open::Stream(scope) => {
                let peer = scope.peer().expect("a stream has its peer from the start");
                path.push(ScopeId::Peer(peer.clone()));
                match scope.protocol() {
                    None => path.push(ScopeId::Transient),
                    Some(protocol) => {
                        path.push(ScopeId::Protocol(protocol.clone()));
                        path.push(ScopeId::PeerProtocol { peer: peer.clone(), protocol });
                    }
                }
                if let Some(service) = scope.service() {
                    path.push(ScopeId::Service(service.clone()));
                    path.push(ScopeId::PeerService { peer, service });
                }
                path.push(ScopeId::System);
            }
            Open::Span { owner, .. } => path.extend(owner.path()),
        }
        path
    }
}

impl Owner {
    /// Nothing is counted any more in what was closed, nor through it.
    fn path(&self) -> Vec<ScopeId> {
        match self {
            Owner::Shared(ScopeId::System) => vec![ScopeId::System],
            Owner::Shared(scope) => vec![scope.clone(), ScopeId::System],
            Owner::Open(open) => open.upgrade().map_or_else(Vec::new, |open| open.path()),
        }
    }
}

impl Book {
    fn amount(&self) -> Amount {
        match &self.held {
            Held::Reservation(reservation) => reservation.amount(),
            Held::Ledger(ledger) => ledger.stats(),
        }
    }
}

/// A thread of the test and its dice.
struct Worker<'a> {
    manager: &'a ResourceManager,
    pool: &'a Mutex<Vec<Arc<Open>>>,
    books: Vec<Book>,
    random: SplitMix,
    open: u64,
    refused: u32,
}

impl Worker<'_> {
    fn work(mut self) -> (Vec<Book>, u32) {
        for _ in 0..STEPS {
            match self.step() {
                Ok(()) => {}
                Err(Error::Refused(_)) => self.refused += 1,
                // Another thread was there first.
                Err(
                    Error::AlreadyAttached { .. }
                    | Error::MoveUnderWay { .. }
                    | Error::NoProtocol { .. }
                    | Error::Closed { .. },
                ) => {}
                // What is under a leaf reserves memory only.
                Err(Error::MemoryOnly { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
        (self.books, self.refused)
    }

    fn step(&mut self) -> Result<(), Error> {
        match self.random.below(100) {
            0..20 => self.open()?,
            20..34 => self.attach()?,
            34..58 => self.reserve()?,
            58..62 => self.begin_ledger()?,
            62..77 => self.change_book()?,
            77..97 => drop(self.take_book()),
            97 => self.look(),
            98 => self.manager.set_limits(self.some_limits()),
            _ => drop(self.manager.collect()),
        }
        Ok(())
    }

    fn open(&mut self) -> Result<(), Error> {
        let crowd = self.pool.lock().expect("no one panics with it").len() as u64;
        if self.random.below(2 * self.open) < crowd {
            let mut pool = self.pool.lock().expect("no one panics with it");
            let closed = match pool.len() {
                0 => None,
                open => Some(pool.swap_remove(self.random.below(open as u64) as usize)),
            };
            drop(pool);
            drop(closed);
            return Ok(());
        }
        let direction = self.random.pick(&[Direction::Inbound, Direction::Outbound]);
        let open = match self.random.below(5) {
            0 | 1 => {
                let mut request = ConnectionRequest::new(direction);
                let mut unit = Amount::connections(direction, 1);
                if self.random.below(2) == 0 {
                    request = request.with_file_descriptor();
                    unit = unit.with_file_descriptors(1);
                }
                if self.random.below(2) == 0 {
                    request = request.with_ip(self.random.pick(&ADDRESSES).into());
                }
                Open::Connection { scope: self.manager.open_connection(request)?, unit }
            }
            2 | 3 => {
                let peer = self.random.pick(&PEERS).as_bytes();
                Open::Stream(self.manager.open_stream(peer, direction)?)
            }
            _ => self.begin_span()?,
        };
        self.pool.lock().expect("no one panics with it").push(Arc::new(open));
        Ok(())
    }

    fn attach(&mut self) -> Result<(), Error> {
        let Some(open) = self.some_open() else { return Ok(()) };
        match &*open {
            Open::Connection { scope, .. } => scope.set_peer(self.random.pick(&PEERS).as_bytes()),
            Open::Stream(scope) if self.random.below(2) == 0 => {
                scope.set_protocol(self.random.pick(&PROTOCOLS))
            }
            Open::Stream(scope) => scope.set_service(self.random.pick(&SERVICES)),
            Open::Span { .. } => Ok(()),
        }
    }

    fn begin_span(&mut self) -> Result<Open, Error> {
        Ok(match self.some_open() {
            Some(open) if self.random.below(4) > 0 => {
                let scope = match &*open {
                    Open::Connection { scope, .. } => scope.begin_span()?,
                    Open::Stream(scope) => scope.begin_span()?,
                    Open::Span { scope, .. } => scope.begin_span()?,
                };
                Open::Span { scope, owner: Owner::Open(Arc::downgrade(&open)) }
            }
            _ => {
                let shared = self.some_shared();
                let owner = Owner::Shared(shared.id().clone());
                Open::Span { scope: shared.begin_span()?, owner }
            }
        })
    }

    fn reserve(&mut self) -> Result<(), Error> {
        let (amount, priority) = (self.some_amount(), self.some_priority());
        let (held, owner) = match self.some_open() {
            Some(open) if self.random.below(3) > 0 => {
                let reservation = match &*open {
                    Open::Connection { scope, .. } => {
                        scope.reserve_memory(amount.memory, priority)?
                    }
                    Open::Stream(scope) => scope.reserve_memory(amount.memory, priority)?,
                    Open::Span { scope, .. } => scope.reserve(amount, priority)?,
                };
                (reservation.into_owned(), Owner::Open(Arc::downgrade(&open)))
            }
            _ => {
                let shared = self.some_shared();
                let owner = Owner::Shared(shared.id().clone());
                (shared.reserve(amount, priority)?.into_owned(), owner)
            }
        };
        self.books.push(Book { held: Held::Reservation(held), owner });
        Ok(())
    }

    fn begin_ledger(&mut self) -> Result<(), Error> {
        let (held, owner) = match self.some_open() {
            Some(open) if self.random.below(3) > 0 => {
                let ledger = match &*open {
                    Open::Connection { scope, .. } => scope.ledger()?,
                    Open::Stream(scope) => scope.ledger()?,
                    Open::Span { scope, .. } => scope.ledger()?,
                };
                (ledger, Owner::Open(Arc::downgrade(&open)))
            }
            _ => {
                let shared = self.some_shared();
                let owner = Owner::Shared(shared.id().clone());
                (shared.ledger()?, owner)
            }
        };
        self.books.push(Book { held: Held::Ledger(held), owner });
        Ok(())
    }

    fn change_book(&mut self) -> Result<(), Error> {
        let (amount, priority) = (self.some_amount(), self.some_priority());
        let less = Amount::memory(self.random.below(8));
        let way = self.random.below(4);
        let Some(mut book) = self.take_book() else { return Ok(()) };
        let changed = match (&mut book.held, way) {
            (Held::Reservation(reservation), 0) => reservation.grow(amount, priority),
            (Held::Ledger(ledger), 0 | 1) => ledger.reserve(amount, priority),
            (held, 2) => {
                let all = match held {
                    Held::Reservation(reservation) => reservation.amount(),
                    Held::Ledger(ledger) => ledger.stats(),
                };
                let less = if all.checked_sub(less).is_some() { less } else { all };
                match held {
                    Held::Reservation(reservation) => reservation.shrink(less),
                    Held::Ledger(ledger) => ledger.release(less),
                }
            }
            (Held::Reservation(reservation), _) => match reservation.split(reservation.amount()) {
                Ok(whole) => match reservation.merge(whole) {
                    Ok(()) => Ok(()),
                    Err(_) => panic!("what was split does not merge"),
                },
                Err(error) => Err(error),
            },
            (Held::Ledger(ledger), _) => {
                let more = ledger.stats().with_memory(u64::MAX);
                assert!(matches!(ledger.release(more), Err(Error::NotHeld { .. })));
                Ok(())
            }
        };
        self.books.push(book);
        changed
    }

    /// At no moment is a counter past the loosest limit that was ever in force.
    fn look(&mut self) {
        let loosest = loosest();
        let stats = self.manager.stats();
        assert_under(&stats.system, &loosest.system);
        assert_under(&stats.transient, &loosest.transient);
        stats.services.values().for_each(|used| assert_under(used, &loosest.service));
        stats.protocols.values().for_each(|used| assert_under(used, &loosest.protocol));
        stats.peers.values().for_each(|used| assert_under(used, &loosest.peer));
        stats.peer_protocols.values().for_each(|used| assert_under(used, &loosest.protocol_peer));
        stats.peer_services.values().for_each(|used| assert_under(used, &loosest.service_peer));
    }

    fn some_open(&mut self) -> Option<Arc<Open>> {
        let pool = self.pool.lock().expect("no one panics with it");
        let at = self.random.below(pool.len().max(1) as u64) as usize;
        pool.get(at).cloned()
    }

    fn take_book(&mut self) -> Option<Book> {
        match self.books.len() {
            0 => None,
            books => Some(self.books.swap_remove(self.random.below(books as u64) as usize)),
        }
    }

    fn some_shared(&mut self) -> Scope {
        match self.random.below(5) {
            0 => self.manager.system(),
            1 => self.manager.transient(),
            2 => Scope::clone(&self.manager.peer(self.random.pick(&PEERS).as_bytes())),
            3 => Scope::clone(&self.manager.protocol(self.random.pick(&PROTOCOLS))),
            _ => Scope::clone(&self.manager.service(self.random.pick(&SERVICES))),
        }
    }

    fn some_amount(&mut self) -> Amount {
        let memory = Amount::memory(self.random.below(64));
        match self.random.below(6) {
            0 => memory.with_streams(Direction::Inbound, 1).with_tasks(TaskClass::Low, 2),
            1 => memory.with_connections(Direction::Outbound, 1).with_file_descriptors(1),
            2 => Amount::tasks(TaskClass::High, 1),
            _ => memory,
        }
    }

    fn some_priority(&mut self) -> Priority {
        self.random.pick(&[Priority::ALWAYS, Priority::ALWAYS, Priority::HIGH, Priority::LOW])
    }

    fn some_limits(&mut self) -> Limits {
        let mut limits = loosest();
        for scope in [&mut limits.peer, &mut limits.protocol_peer, &mut limits.system] {
            if self.random.below(3) == 0 {
                let tight = 1 + self.random.below(6);
                *scope = ScopeLimit::all(Limit::new(tight)).with(Resource::Memory, Limit::new(64));
            }
        }
        limits
    }
}

/// Tight enough for threads to be in each other's way.
fn loosest() -> Limits {
    let limit = |count, memory| {
        ScopeLimit::all(Limit::new(count)).with(Resource::Memory, Limit::new(memory))
    };
    Limits {
        system: limit(24, 1024),
        transient: limit(8, 256),
        service: limit(12, 512),
        service_peer: limit(6, 256),
        protocol: limit(12, 512),
        protocol_peer: limit(6, 256),
        peer: limit(12, 512),
        connection: limit(1, 256),
        stream: limit(1, 256),
        ip: IpLimits { subnets_v4: [(32, Limit::new(3))].into(), ..IpLimits::unlimited() },
        allowlist: [
            AllowlistEntry::network(network("10.0.0.0/16")),
            AllowlistEntry::peer(b"ann", network("10.1.0.0/16")),
        ]
        .into(),
        ..Limits::default()
    }
}

fn network(text: &str) -> IpNet {
    text.parse().expect("it is a network")
}

fn assert_under(used: &Amount, limit: &ScopeLimit) {
    for resource in Resource::ALL {
        let (used, limit) = (used.get(resource), limit.get(resource).get());
        assert!(used <= limit, "{used} of {limit} {resource}");
    }
}

/// Every counter against the handles that are left.
fn assert_sums(manager: &ResourceManager, pool: &[Arc<Open>], books: &[Book]) {
    let mut sums: BTreeMap<ScopeId, Amount> = BTreeMap::new();
    let opened = pool.iter().map(|open| (open.path(), open.unit()));
    let reserved = books.iter().map(|book| (book.owner.path(), book.amount()));
    for (path, amount) in opened.chain(reserved) {
        for scope in path {
            let sum = sums.entry(scope).or_default();
            *sum = sum.checked_add(amount).expect("limits are small");
        }
    }
    let used = |scope: &ScopeId| sums.get(scope).copied().unwrap_or_default();
    for open in pool {
        assert_eq!(open.stats(), used(&open.id()), "{:?}", open.id());
    }
    let stats = manager.stats();
    for open in pool {
        let idle = open.idle();
        assert!(idle.memory <= stats.granule.most_idle(), "{idle:?} is idle in {:?}", open.id());
        for scope in open.path().into_iter().skip(1) {
            let sum = sums.entry(scope).or_default();
            *sum = sum.checked_add(idle).expect("limits are small");
        }
    }
    for (scope, held) in stats.scopes() {
        assert!(stats.idle_at_most(held) <= held.memory, "{scope:?}");
    }
    let counters = counters(stats);
    let sum = |scope: &ScopeId| sums.get(scope).copied().unwrap_or_default();
    for (scope, used) in &counters {
        assert_eq!(*used, sum(scope), "{scope:?}");
    }
    for scope in sums.keys() {
        let own = matches!(scope, ScopeId::Connection(_) | ScopeId::Stream(_) | ScopeId::Span(_));
        assert!(own || counters.contains_key(scope), "{scope:?} is in use and not in the stats");
    }
    let mut networks: BTreeMap<IpNet, u64> = BTreeMap::new();
    for open in pool {
        if let Open::Connection { scope, .. } = &**open
            && let Some(ip) = scope.ip()
        {
            let anyone = network("10.0.0.0/16");
            let counted = if anyone.contains(&ip) { anyone } else { ip.into() };
            *networks.entry(counted).or_default() += 1;
        }
    }
    assert_eq!(manager.connections_by_network(), Vec::from_iter(networks));
}

fn counters(stats: Stats) -> BTreeMap<ScopeId, Amount> {
    let mut counters = BTreeMap::from([
        (ScopeId::System, stats.system),
        (ScopeId::Transient, stats.transient),
        (ScopeId::AllowlistedSystem, stats.allowlisted_system),
        (ScopeId::AllowlistedTransient, stats.allowlisted_transient),
    ]);
    counters.extend(stats.services.into_iter().map(|(name, used)| (ScopeId::Service(name), used)));
    counters
        .extend(stats.protocols.into_iter().map(|(name, used)| (ScopeId::Protocol(name), used)));
    counters.extend(stats.peers.into_iter().map(|(key, used)| (ScopeId::Peer(key), used)));
    counters.extend(
        stats
            .peer_protocols
            .into_iter()
            .map(|((peer, protocol), used)| (ScopeId::PeerProtocol { peer, protocol }, used)),
    );
    counters.extend(
        stats
            .peer_services
            .into_iter()
            .map(|((peer, service), used)| (ScopeId::PeerService { peer, service }, used)),
    );
    counters
}

#[test]
fn counters_equal_what_is_held() {
    counters_equal_what_is_charged(Granule::EXACT);
}

#[test]
fn counters_equal_what_is_charged_in_granules() {
    counters_equal_what_is_charged(Granule::new(16).expect("a power of two"));
}

fn counters_equal_what_is_charged(granule: Granule) {
    let manager = ResourceManager::builder().limits(loosest()).granule(granule).build();
    let pool = Mutex::new(Vec::new());
    let mut books: Vec<Book> = Vec::new();
    let mut refused = 0;
    for round in 0..ROUNDS {
        let mut hands: Vec<Vec<Book>> = (0..THREADS).map(|_| Vec::new()).collect();
        for (at, book) in books.drain(..).enumerate() {
            hands[at % THREADS as usize].push(book);
        }
        thread::scope(|scope| {
            let workers: Vec<_> = hands
                .into_iter()
                .zip(0..)
                .map(|(books, thread)| {
                    let random = SplitMix(round * THREADS + thread);
                    let (manager, pool) = (&manager, &pool);
                    let open = OPEN[round as usize % OPEN.len()];
                    let worker = Worker { manager, pool, books, random, open, refused: 0 };
                    scope.spawn(|| worker.work())
                })
                .collect();
            for worker in workers {
                let (left, times) = worker.join().expect("a worker panicked");
                books.extend(left);
                refused += times;
            }
        });
        let pool = pool.lock().expect("no one panics with it");
        assert_sums(&manager, &pool, &books);
    }
    let steps = (ROUNDS * THREADS) as u32 * STEPS as u32;
    assert!((steps / 20..steps / 2).contains(&refused), "{refused} of {steps} steps were refused");

    // Everything ends, scopes before and after what was reserved on them, in two threads at once.
    let half = books.split_off(books.len() / 2);
    let mut pool = pool.into_inner().expect("no one panicked with it");
    let rest = pool.split_off(pool.len() / 2);
    thread::scope(|scope| {
        scope.spawn(|| drop((mem::take(&mut books), pool)));
        scope.spawn(|| drop((rest, half)));
    });
    for (scope, used) in counters(manager.stats()) {
        assert_eq!(used, Amount::ZERO, "{scope:?}");
    }
    manager.collect();
    assert_eq!(counters(manager.stats()).len(), 4, "only the fixed scopes stay");
    manager.set_limits(loosest());
    let opened = manager.open_connection(ConnectionRequest::inbound()).map(drop);
    assert_eq!(opened, Ok(()));
}

/// Numbers that are the same in every run (Steele, Lea and Flood, 2014).
struct SplitMix(u64);

impl SplitMix {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len() as u64) as usize]
    }
}
