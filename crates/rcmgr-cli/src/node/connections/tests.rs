//! What a configuration makes of the manager, and a node at its limit, asked over HTTP.

use rcmgr_admin::{Client as Http, Server, connection_routes};
use rcmgr_config::{Format, Given, Source, ThisMachine, load};
use serde_json::Value;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::*;
use crate::demo::{
    client::{Client, Target},
    node::Node,
    stack::Party,
};

/// Long enough for a slow machine; only a test that fails takes it.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a document has in effect on a machine with 1 GiB.
fn effective(text: &str, format: Format) -> Effective {
    let name = if format == Format::Kubo { "config.json" } else { "config.yaml" };
    let source = Arc::new(Source::new(name, text).expect("it is short"));
    let loaded = load(&source, Some(format), &ThisMachine).expect("it is right");
    Effective::of(loaded.settings, Given::exactly(1 << 30, 1024))
}

#[test]
fn the_watermarks_of_every_format_are_the_share() {
    let native = "limits: {system: {connections: 1000}}\n\
                  connection-manager: {high-watermark: 700, low-watermark: 600, grace-period: 7s, \
                  silence-period: 3s}\n";
    let flow = "libp2p-resource-manager:\n  limits-override:\n    system:\n      connections-inbound: 900\n\
                connection-manager:\n  high-watermark: 700\n  low-watermark: 600\n  \
                grace-period: 7s\n  silence-period: 3s\n";
    let kubo = r#"{"Swarm": {"ConnMgr": {"LowWater": 600, "HighWater": 700, "GracePeriod": "7s",
                   "SilencePeriod": "3s"}}}"#;
    let all = [(native, Format::Native), (flow, Format::Flow), (kubo, Format::Kubo)];
    for (text, format) in all {
        let settings = settings(&effective(text, format));
        assert_eq!((settings.share.soft, settings.share.low), (Some(700), Some(600)), "{format}");
        assert_eq!(settings.manager.grace, Duration::from_secs(7), "{format}");
        assert_eq!(settings.rules.connections.cooldown, Duration::from_secs(3), "{format}");
    }
}

#[test]
fn without_watermarks_the_share_follows_from_the_limits() {
    let limits = "limits: {system: {connections: 1000, connections-inbound: unlimited, \
                  connections-outbound: unlimited}}\n";
    let manager = manager(&effective(limits, Format::Native)).unwrap();
    let share = manager.regulator().share();
    assert_eq!((share.hard(), share.soft(), share.low()), (Some(1000), 800, 720));
}

#[test]
fn a_watermark_above_the_limits_is_refused() {
    let text = "limits: {system: {connections: 100}}\nconnection-manager: {high-watermark: 100}\n";
    let error = manager(&effective(text, Format::Native)).unwrap_err().to_string();
    assert!(error.contains("lower the share to"), "{error}");
}

/// A client that connects, and connects again when it has to.
async fn connect(clients: &mut JoinSet<()>, target: &Target, index: u16, seed: u64) {
    let party = Party::Honest(index);
    let mut client = Client::new(target.clone(), party, seed).expect("the identity does");
    let (tell, mut told) = mpsc::unbounded_channel();
    clients.spawn(async move {
        loop {
            client.next().await;
            if client.is_connected() {
                // It is only waited for once.
                let _ = tell.send(());
            }
        }
    });
    timeout(PATIENCE, told.recv()).await.expect("it connects in time");
}

fn peer(index: u16, seed: u64) -> String {
    Party::Honest(index).keypair(seed).public().to_peer_id().to_base58()
}

async fn get(http: &Http, path: &str) -> Value {
    let answer = http.get(path).await.expect("the node answers");
    assert!(answer.status.is_success(), "{path}: {}", answer.message());
    serde_json::from_slice(&answer.body).expect("it is JSON")
}

/// What the node says of its connections, once it is as `done` wants it: a client knows that it is
/// connected before the node does.
async fn told_when(http: &Http, done: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let waiting = timeout(PATIENCE, async {
        loop {
            last = get(http, "/connections").await;
            if done(&last) {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    });
    let in_time = waiting.await;
    assert!(in_time.is_ok(), "not in time: {last}");
    last
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_limit_a_valuable_newcomer_gets_in_one_worse_goes_and_explain_says_why() {
    const SEED: u64 = 5;
    const OTHERS: u16 = 4;
    let text = "limits: {system: {connections: 100}}\n\
                connection-manager: {high-watermark: 4, low-watermark: 3, grace-period: 0s}\n";
    let effective = effective(text, Format::Native);
    let connections = manager(&effective).unwrap();
    let limits = ResourceManager::new(effective.limits);
    let started = Some(connections.clone());
    let node = Node::start(limits, SEED, Node::any_port(), Node::base_memory(), started);
    let node = node.await.unwrap();
    let target = Target { peer: node.peer, socket: node.socket().unwrap() };
    let server = Server::bind(&"127.0.0.1:0".parse().unwrap(), None).await.unwrap();
    let http = Http::new(server.local().into());
    let mut tasks = JoinSet::new();
    let routes = connection_routes(Arc::new(Admin(connections.clone())));
    tasks.spawn(server.serve(routes, std::future::pending()));

    // It is known to be useful before it comes.
    let key = rcmgr_config::peer::key(&peer(OTHERS, SEED)).unwrap();
    let newcomer = rcmgr_connmgr::Peer::new(&key).unwrap();
    let tags = connections.regulator().manager();
    tags.tag(connections.now(), &newcomer, "useful", 300).unwrap();

    for index in 0..OTHERS {
        connect(&mut tasks, &target, index, SEED).await;
    }
    let before = told_when(&http, |told| told["live"] == OTHERS).await;
    assert_eq!(before["share"], OTHERS, "{before}");
    assert_eq!(before["rounds"]["last"], Value::Null, "nobody had to go");

    connect(&mut tasks, &target, OTHERS, SEED).await;
    let after = told_when(&http, |told| !told["rounds"]["last"].is_null()).await;
    assert_eq!(after["rounds"]["last"]["causes"], serde_json::json!(["connections"]), "{after}");
    let gone = after["rounds"]["decisions"][0]["peer"].as_str().unwrap().to_owned();
    assert!((0..OTHERS).any(|index| peer(index, SEED) == gone), "{after}");

    let why = get(&http, &format!("/explain/{gone}")).await;
    assert_eq!(why["last"]["causes"], serde_json::json!(["connections"]), "{why}");
    assert!(why["last"]["worth"]["total"].as_i64() < Some(0), "{why}");
    let stays = get(&http, &format!("/explain/{}", peer(OTHERS, SEED))).await;
    assert_eq!((&stays["tags"], &stays["last"]), (&300.into(), &Value::Null), "{stays}");
    let own = &stays["connections"][0];
    assert!(own["worth"]["total"].as_i64() > why["last"]["worth"]["total"].as_i64(), "{stays}");

    let tried = http.post("/trim?dry_run=1&to=1", "", None).await.unwrap();
    let tried: Value = serde_json::from_slice(&tried.body).unwrap();
    assert_eq!(tried["applied"], false, "{tried}");
    let listed = tried["connections"].as_array().unwrap();
    assert!(!listed.is_empty(), "{tried}");
    assert!(listed.iter().all(|goes| goes["peer"] != peer(OTHERS, SEED).as_str()), "{tried}");
    let metrics = http.get("/metrics").await.unwrap();
    let page = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(
        page.contains("# TYPE rcmgr_connmgr_soft_limit gauge\nrcmgr_connmgr_soft_limit 4\n"),
        "{page}"
    );

    for (path, status) in [("/explain/nobody", 400), ("/connections?from=x", 400), ("/trim", 405)] {
        let answer = http.get(path).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
}
