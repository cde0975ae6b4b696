//! What the tests of a node's limits share: a node with a file and a server, and a client of it.
#![allow(dead_code)]

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcmgr_admin::{Answer, Client, LimitsFile, Listen, Server, routes};
use rcmgr_config::machine::{AvailableMemory, MachineError, MachineMemory, MemoryBound};
use rcmgr_config::{Layers, LiveLimits, Machine};
use rcmgr_core::ResourceManager;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Long enough for a slow machine; only a test that fails takes it.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A machine of 8 GiB and 2048 descriptors, of which so many GiB are free; `None` where it does not
/// tell.
#[derive(Clone)]
pub struct Fake(Arc<Mutex<Option<u64>>>);

impl Fake {
    pub fn new() -> Fake {
        Fake(Arc::new(Mutex::new(Some(4))))
    }

    pub fn has_free(&self, gib: Option<u64>) {
        *self.0.lock().expect("nobody panicked") = gib;
    }
}

impl Machine for Fake {
    fn memory(&self) -> Result<MachineMemory, MachineError> {
        Ok(MachineMemory { bytes: 8 << 30, bounded_by: MemoryBound::Physical })
    }

    fn available(&self) -> Result<AvailableMemory, MachineError> {
        let free = *self.0.lock().expect("nobody panicked");
        let bytes = free.ok_or(MachineError::Unsupported)? << 30;
        Ok(AvailableMemory { bytes, bounded_by: MemoryBound::Physical })
    }

    fn file_descriptors(&self) -> Result<u64, MachineError> {
        Ok(2048)
    }
}

/// A document that gives the system so many streams.
pub fn streams(limit: u64) -> String {
    format!("limits: {{system: {{streams: {limit}}}}}\n")
}

/// A node whose limits can be changed.
pub struct Node {
    pub live: Arc<LiveLimits>,
    pub file: Arc<LimitsFile>,
    pub path: PathBuf,
    pub client: Client,
    pub local: Listen,
    pub folder: TempDir,
    pub tasks: JoinSet<()>,
}

impl Node {
    /// A node with a file of this name and text, which it does not yet follow.
    pub async fn start(name: &str, text: &str) -> Node {
        Node::with(name, text, Layers::default(), Fake::new()).await
    }

    /// The same with other layers below and above the file.
    pub async fn with(name: &str, text: &str, layers: Layers, machine: Fake) -> Node {
        let folder = tempfile::tempdir().expect("there is room");
        let path = folder.path().join(name);
        fs::write(&path, text).expect("the folder can be written");
        let file = Arc::new(LimitsFile::new(&path, None));
        let layers = Layers { file: file.load().expect("the file is good").settings, ..layers };
        let live = LiveLimits::start(ResourceManager::default(), machine, layers);
        let live = live.expect("the machine tells");
        Node::of(live, file, folder).await
    }

    async fn of(live: LiveLimits, file: Arc<LimitsFile>, folder: TempDir) -> Node {
        let live = Arc::new(live);
        let listen = "127.0.0.1:0".parse().expect("it is an address");
        let server = Server::bind(&listen, None).await.expect("there is a port");
        let local = server.local().clone();
        let client = Client::new((&local).into());
        let router = routes(live.clone(), Some(file.clone()));
        let mut tasks = JoinSet::new();
        tasks.spawn(server.serve(router, std::future::pending()));
        let path = file.path().to_owned();
        Node { live, file, path, client, local, folder, tasks }
    }

    /// Follows the file from now on.
    pub fn follow(&mut self) {
        let watcher = self.file.watch().expect("it can be watched");
        self.tasks.spawn(self.file.clone().follow(watcher, self.live.clone()));
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        told(&self.client.get(path).await.expect("the node answers"))
    }

    pub async fn put(&self, path: &str, body: impl Into<String>) -> (u16, Value) {
        told(&self.client.put(path, body.into(), None).await.expect("the node answers"))
    }

    pub async fn put_if(&self, body: &str, version: &str) -> (u16, Value) {
        let answer = self.client.put("/limits", body.to_owned(), Some(version)).await;
        told(&answer.expect("the node answers"))
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        told(&self.client.post(path, "", None).await.expect("the node answers"))
    }

    /// The version in force, and how many streams its system may have, by the manager.
    pub fn in_force(&self) -> (u64, u64) {
        (self.live.current().number, self.live.manager().limits().system.streams.get())
    }

    /// Waits until the system may have so many streams.
    pub async fn until_streams(&self, limit: u64) {
        self.until(&format!("{limit} streams"), |node| node.in_force().1 == limit).await;
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Node) -> bool) {
        let so = async {
            while !is_so(self) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        let in_time = timeout(PATIENCE, so).await;
        in_time
            .unwrap_or_else(|_| panic!("{what}: {:?} {:?}", self.in_force(), self.live.health()));
    }
}

pub fn told(answer: &Answer) -> (u16, Value) {
    let text = String::from_utf8_lossy(&answer.body);
    let body = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("no JSON: {text}"));
    (answer.status.as_u16(), body)
}
