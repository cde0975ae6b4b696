//! What an observer is told: every charge with what the counter then holds, and every refusal.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcmgr_core::{
    Amount, ConnectionRequest, Direction, Limit, Limits, Observer, Priority, Rate, RateLimited,
    Refusal, Resource, ResourceManager, ScopeId, TaskClass,
};

#[derive(Default)]
struct Witness(Mutex<Vec<String>>);

impl Witness {
    fn tell(&self, told: String) {
        self.0.lock().expect("nobody panics with it").push(told);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics with it"))
    }
}

impl Observer for Witness {
    fn charged(&self, scope: &ScopeId, resource: Resource, used: u64, limit: Limit) {
        self.tell(format!("{} {}: {used} of {limit}", scope.kind(), resource.name()));
    }

    fn refused(&self, refusal: &Refusal) {
        self.tell(refusal.to_string());
    }

    fn rate_limited(&self, refusal: &RateLimited) {
        self.tell(refusal.to_string());
    }

    fn memory_pressure(&self, asked: Priority, required: Priority) {
        self.tell(format!("memory needs priority {}, not {}", required.0, asked.0));
    }
}

fn manager() -> (ResourceManager, Arc<Witness>) {
    let mut limits = Limits::default();
    limits.system.memory = Limit::new(100);
    limits.system.tasks = Limit::new(2);
    limits.rates.global = Rate::new(0.1, 1).expect("it is positive");
    let witness = Arc::new(Witness::default());
    let manager = ResourceManager::builder().limits(limits).observer(witness.clone()).build();
    (manager, witness)
}

#[test]
fn every_resource_of_every_scope_is_told() {
    let (manager, witness) = manager();
    let stream = manager.open_stream(b"peer", Direction::Outbound).unwrap();
    let counts = |scope: &str| {
        let of = |resource| format!("{scope} {resource}: 1 of unlimited");
        [of("streams_outbound"), of("streams")]
    };
    assert_eq!(witness.told(), ["peer", "transient", "system"].map(counts).concat());

    let held = stream.reserve_memory(7, Priority::ALWAYS).unwrap();
    let memory = ["peer", "transient"].map(|scope| format!("{scope} memory: 7 of unlimited"));
    let own = ["system memory: 7 of 100".to_owned(), "stream memory: 7 of unlimited".to_owned()];
    assert_eq!(witness.told(), [memory, own].concat());
    drop(held);
    drop(stream);
    assert_eq!(witness.told(), [] as [String; 0], "nothing is told of releases");

    let tasks = Amount::tasks(TaskClass::Low, 2);
    let span = manager.system().begin_span().unwrap();
    let held = span.reserve(tasks, Priority::ALWAYS).unwrap();
    let expected = ["system tasks", "system tasks_low", "span tasks", "span tasks_low"];
    let told: Vec<_> = witness.told();
    let told: Vec<_> = told.iter().filter_map(|told| told.split(':').next()).collect();
    assert_eq!(told, expected);
    drop(held);
}

#[test]
fn every_refusal_is_told() {
    let (manager, witness) = manager();
    let system = manager.system();
    assert!(system.reserve_memory(101, Priority::ALWAYS).is_err());
    let request = ConnectionRequest::inbound().at(Duration::ZERO);
    drop(manager.open_connection(request).unwrap());
    witness.told();
    assert!(system.reserve_memory(101, Priority::LOW).is_err());
    assert!(manager.open_connection(request).is_err());
    manager.require_priority(Priority::HIGH);
    assert!(system.reserve_memory(1, Priority::MEDIUM).is_err());
    assert_eq!(
        witness.told(),
        [
            "the system has no room for 101 more bytes of memory: 0 of 100 in use, 39 open to priority 101",
            "all connections come too fast: the next may in 10.0s",
            "memory needs priority 203, not 152",
        ]
    );
}
