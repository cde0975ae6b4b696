//! What a configuration makes of the manager, and a node at its limit, asked over HTTP.

use std::collections::BTreeMap;

use rcmgr_admin::{Client as Http, Server, connection_routes};
use rcmgr_config::{Format, Given, Source, ThisMachine, load};
use rcmgr_core::ResourceManager;
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
    let manager = Managed::of(&effective(limits, Format::Native)).unwrap().connections;
    let share = manager.regulator().share();
    assert_eq!((share.hard(), share.soft(), share.low()), (Some(1000), 800, 720));
}

/// What is said of a configuration that no manager can be made of.
#[track_caller]
fn refused(text: &str) -> String {
    match Managed::of(&effective(text, Format::Native)) {
        Ok(_) => panic!("it is taken"),
        Err(wrong) => wrong.to_string(),
    }
}

#[test]
fn protocols_have_the_quotas_that_are_said() {
    let text = "limits: {system: {connections: 1000, connections-inbound: 1000}}\n\
                connection-manager:\n  quotas:\n    /ipfs/kad/*: {minimum: 10%, maximum: 25%}\n    \
                /ping/1: {minimum: 7}\n    \"*\": {maximum: 100%}\n";
    let manager = Managed::of(&effective(text, Format::Native)).unwrap().connections;
    let enrolled = manager.regulator().enrolled(manager.now());
    let told: BTreeMap<_, _> = enrolled
        .iter()
        .map(|protocol| (&*protocol.name, (protocol.quota.min, protocol.quota.max)))
        .collect();
    // Of 800, of which 760 are for minima.
    let all = [("*", (0, 673)), ("/ipfs/kad/*", (80, 200)), ("/ping/1", (7, 680))];
    assert_eq!(told, all.into());
}

#[test]
fn minima_above_the_share_are_refused_with_their_places() {
    let text = "limits: {system: {connections: 1000, connections-inbound: 1000}}\n\
                connection-manager:\n  quotas:\n    /a: {minimum: 50%}\n    /b: {minimum: 361}\n    \
                /c: {minimum: 20%, maximum: 100}\n";
    let told = refused(text);
    for part in [
        "connection-manager.quotas.\"/b\".minimum is 361 connections, and 360 are left of the \
         share of 800 beside the minima of others\n --> config.yaml:5:19\n",
        "of the share of 800 connections connection-manager.quotas.\"/c\".minimum is more than \
         connection-manager.quotas.\"/c\".maximum (config.yaml:6)\n --> config.yaml:6:19\n",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(told.matches("error: ").count(), 2, "{told}");
}

#[test]
fn quotas_follow_what_is_said() {
    let text = |quotas: &str| {
        let text = format!(
            "limits: {{system: {{connections: 1000, connections-inbound: 1000}}}}\n\
             connection-manager: {{quotas: {{{quotas}}}}}\n"
        );
        effective(&text, Format::Native)
    };
    let begin = text("/a: {minimum: 700}, /b: {minimum: 60}");
    let mut managed = Managed::of(&begin).unwrap();
    let told = |managed: &Managed| {
        let enrolled = managed.connections.regulator().enrolled(managed.connections.now());
        let minima = enrolled.iter().map(|one| (one.name.to_string(), one.quota.min));
        minima.collect::<BTreeMap<_, _>>()
    };
    let minima =
        |all: &[(&str, u32)]| all.iter().map(|(name, min)| ((*name).into(), *min)).collect();
    // What one asks for more is given up by another one, and one leaves.
    managed.follow(&begin, &text("/a: {minimum: 60}, /b: {minimum: 700}"));
    assert_eq!(told(&managed), minima(&[("/a", 60), ("/b", 700)]));
    managed.follow(&begin, &text("/b: {minimum: 1}, /c/*: {minimum: 759}"));
    assert_eq!(told(&managed), minima(&[("/b", 1), ("/c/*", 759)]));
    // What cannot be leaves all as it was.
    managed.follow(&begin, &text("/b: {minimum: 2}, /c/*: {minimum: 759}"));
    assert_eq!(told(&managed), minima(&[("/b", 1), ("/c/*", 759)]));
    managed.follow(&begin, &text(""));
    assert_eq!(told(&managed), minima(&[]));
}

#[test]
fn minima_that_a_smaller_share_lowers_are_told_by_their_keys() {
    let text = |high: u32, quotas: &str| {
        let text = format!(
            "limits: {{system: {{connections: 1000, connections-inbound: 1000}}}}\n\
             connection-manager:\n  high-watermark: {high}\n  quotas: {{{quotas}}}\n"
        );
        effective(&text, Format::Native)
    };
    let quotas = "/a: {minimum: 20}, /b: {minimum: 20}, /c: {minimum: 10%}";
    let begin = text(60, quotas);
    let mut managed = Managed::of(&begin).unwrap();
    let small = text(30, quotas);
    managed.follow(&begin, &small);
    let told = |managed: &mut Managed, effective: &Effective| {
        let Managed { connections, quotas, .. } = managed;
        let lacking = quotas.follow(connections.regulator(), connections.now(), effective);
        let told = lacking.values().map(|problem| problem.message().to_owned());
        told.collect::<Vec<_>>()
    };
    let key = |name: &str| format!("connection-manager.quotas.\"{name}\".minimum");
    let kept = "are kept: the share of 30 has no room for the minima of all";
    assert_eq!(
        told(&mut managed, &small),
        [
            format!("{} is 20 connections, and 13 {kept}", key("/a")),
            format!("{} is 20 connections, and 12 {kept}", key("/b")),
        ]
    );
    // What is lowered so that all fit again is not told.
    let fits = text(30, "/a: {minimum: 20}, /b: {minimum: 5}, /c: {minimum: 10%}");
    managed.follow(&small, &fits);
    assert_eq!(told(&mut managed, &fits), [""; 0]);
    assert_eq!(managed.lacking, BTreeSet::new());
    managed.follow(&fits, &small);
    let names: Vec<_> = managed.lacking.iter().map(Protocols::to_string).collect();
    assert_eq!(names, ["/b"], "what was granted stays");
    managed.follow(&small, &begin);
    assert_eq!(managed.lacking, BTreeSet::new());
}

#[test]
fn watermarks_and_periods_follow_what_is_said() {
    let text = |limit: u32, manager: &str| {
        let text = format!(
            "limits: {{system: {{connections: {limit}, connections-inbound: {limit}}}}}\n\
             connection-manager: {{{manager}}}\n"
        );
        effective(&text, Format::Native)
    };
    let begin = text(1000, "high-watermark: 700, low-watermark: 600");
    let mut managed = Managed::of(&begin).unwrap();
    let share = |managed: &Managed| {
        let share = managed.connections.regulator().share();
        (share.soft(), share.low())
    };
    managed.follow(&begin, &text(1000, "high-watermark: 500, low-watermark: 10, grace-period: 1s"));
    assert_eq!(share(&managed), (500, 10));
    // The mark would be too high for the old limit, and the old mark for the new one.
    managed.follow(&begin, &text(5000, "high-watermark: 4000"));
    assert_eq!(share(&managed), (4000, 3600));
    managed.follow(&begin, &text(100, "high-watermark: 50"));
    assert_eq!(share(&managed), (50, 45));
    managed.follow(&begin, &text(100, "high-watermark: 100"));
    assert_eq!(share(&managed), (50, 45), "what contradicts itself changes nothing");
    managed.follow(&begin, &text(100, ""));
    assert_eq!(share(&managed), (80, 72));
}

#[test]
fn a_watermark_above_the_limits_is_refused() {
    let text = "limits: {system: {connections: 100}}\nconnection-manager: {high-watermark: 100}\n";
    assert_eq!(
        refused(text),
        "error: connection-manager.high-watermark is 100, which leaves less than 20 of the limit of \
         100 connections to those that are being opened\n \
         --> config.yaml:2:38\n  |\n\
         2 | connection-manager: {high-watermark: 100}\n  \
         |                                      ^^^\n  |\n  \
         = help: write 80 or less, or raise limits.system.connections"
    );
}

#[test]
fn the_limits_that_bound_the_share_are_those_to_be_raised() {
    let told = |limits: &str, manager: &str| {
        refused(&format!(
            "limits: {{system: {{connections: {limits}}}}}\nconnection-manager: {{{manager}}}\n"
        ))
    };
    let directions = "limits.system.connections-inbound or limits.system.connections-outbound";
    let high = "high-watermark: 95";
    let both = "unlimited, connections-inbound: 50, connections-outbound: 50";
    let wrong = told(both, high);
    assert!(wrong.contains(&format!("write 80 or less, or raise {directions}")), "{wrong}");
    let wrong = told("100, connections-inbound: 100", high);
    assert!(wrong.ends_with("write 80 or less, or raise limits.system.connections"), "{wrong}");

    let none = "a limit of 1 connections leaves none to keep beside one that is being opened";
    let wrong = told("1", "");
    assert!(wrong.starts_with(&format!("error: {none}\n --> config.yaml:1:32\n")), "{wrong}");
    assert!(wrong.ends_with("raise limits.system.connections, so that 2 or more are let in"));
    let wrong = told("9, connections-inbound: block, connections-outbound: 1", "");
    assert!(wrong.starts_with(&format!("error: {none}\n --> config.yaml:1:56\n")), "{wrong}");
    assert!(wrong.ends_with(&format!("raise {directions}, so that 2 or more are let in")));
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
    let connections = Managed::of(&effective).unwrap().connections;
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

    for (path, status) in [
        ("/explain/nobody", 400),
        ("/explain/12D3KooWNope", 400),
        ("/connections?from=x", 400),
        ("/trim", 405),
    ] {
        let answer = http.get(path).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{path}");
    }
    let mistyped = http.get("/explain/12D3KooWNope").await.unwrap().message();
    assert!(
        mistyped.contains("/explain/12D3KooWNope: it is no peer: write a peer id"),
        "{mistyped}"
    );
}
