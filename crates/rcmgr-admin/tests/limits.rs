//! What a node answers to those who ask for its limits, or change them.

mod node;

use std::fs;

use node::{Fake, Node, PATIENCE, streams, told};
use rcmgr_admin::{Listen, Stat};
use rcmgr_config::{
    At, Class, Diagnostics, Layers, PressureLevel, Said, Setting, Settings, Subject, native,
};
use rcmgr_core::{ConnectionRequest, Direction, Limit, Priority, Resource};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Something of everything that can be said.
const ALL: &str = r#"
memory: 1GiB
file-descriptors: 512
limits:
  system: {memory: 512MiB, streams: 900, connections: unlimited, connections-inbound: block}
  transient: {streams: {base: 10, per-gib: 5}}
  services: {"libp2p.ping": {streams: 7}, "a \"quoted\" \\ name\t": {}}
  service-peers: {"libp2p.ping": {memory: 1MiB}}
  protocols: {/ping/1.0.0: {streams: 18446744073709551614}, "/ü/…": {tasks: 3}}
  protocol-peers: {/ping/1.0.0: {streams-outbound: 0}}
  peers: {"0x0102": {memory: 3MiB}}
connections-by-address:
  ipv4: {32: 9}
  networks: {10.0.0.0/8: 30}
connection-rates:
  all: {per-second: 0.3333333333333333, burst: 7}
  ipv6: {48: {per-second: 1.5, burst: 2}}
  grace-period: 1m
allowlist: [/ip4/192.0.2.0/ipcidr/24]
base-memory: {tcp: {connection: 32KiB}}
connection-manager: {high-watermark: 20, low-watermark: 10, grace-period: 20s}
"#;

#[tokio::test]
async fn what_is_in_effect_is_told_with_its_version() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let answer = node.client.get("/limits").await.unwrap();
    let (status, limits) = told(&answer);
    assert_eq!((status, &limits["version"]), (200, &json!(1)));
    assert_eq!(limits["limits"]["system"]["streams"], 10);
    assert_eq!(limits["memory"], "1GiB");
    assert_eq!(limits.get("origins"), None);
    assert!(answer.version.is_some_and(|tag| tag.starts_with('"') && tag.ends_with("-1\"")));

    let (_, explained) = node.get("/limits?explain=1").await;
    let origins = &explained["origins"];
    let file = format!("{}:1", node.path.display());
    assert_eq!(origins["limits.system.streams"], file.as_str());
    assert_eq!(origins["limits.peer.streams"], "default scaled from 1 GiB");
    assert_eq!(origins["limits.system.file-descriptors"], "default scaled from 1024 descriptors");
    node.put("/limits", streams(11)).await;
    let (_, explained) = node.get("/limits?explain=1").await;
    assert_eq!(explained["origins"]["limits.system.streams"], "set at run time");
}

#[tokio::test]
async fn what_was_got_can_be_put_back_and_changes_nothing() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    for (nth, body) in [None, Some(ALL.to_owned()), Some("{}".to_owned())].into_iter().enumerate() {
        if let Some(body) = body {
            let (status, told) = node.put("/limits", body).await;
            assert_eq!(status, 200, "{told}");
        }
        let version = 1 + nth as u64;
        for path in ["/limits", "/limits?explain=1"] {
            let answer = node.client.get(path).await.unwrap();
            let before = node.live.manager().limits();
            let put = node.client.put("/limits", answer.body.clone(), answer.version.as_deref());
            let (status, told) = told(&put.await.unwrap());
            assert_eq!((status, &told["changes"]), (200, &json!([])), "{told}");
            assert_eq!(
                (told["version"].as_u64(), told["applied"].as_bool()),
                (Some(version), Some(true))
            );
            assert_eq!(node.live.manager().limits(), before);
            assert_eq!(node.client.get(path).await.unwrap().body, answer.body);
        }
        assert_eq!(node.live.versions().len() as u64, version);
    }
}

#[tokio::test]
async fn limits_are_put_in_every_format() {
    let node = Node::start("limits.yaml", "{}").await;
    let kubo = r#"{"Swarm": {"ResourceMgr": {"Enabled": true, "MaxMemory": "1GB", "MaxFileDescriptors": 512}}}"#;
    let bodies = [
        ("native", streams(101)),
        ("native", r#"{"limits": {"system": {"streams": 102}}}"#.to_owned()),
        ("native", "[limits.system]\nstreams = 103\n".to_owned()),
        ("native", "{limits: {system: {streams: 107}}} # YAML\n".to_owned()),
        ("libp2p", r#"{"System": {"Streams": 104}}"#.to_owned()),
        ("flow", "network-config:\n  libp2p-resource-manager:\n    limits-override:\n      system:\n        streams-inbound: 105\n".to_owned()),
        ("greenfield", "[Rcmgr.GfSpLimiter.System]\nConns = 106\n".to_owned()),
        ("kubo", kubo.to_owned()),
    ];
    for (format, body) in bodies {
        for query in [String::new(), format!("?from={format}")] {
            let before = node.in_force().0;
            let (status, told) = node.put(&format!("/limits{query}"), body.as_str()).await;
            assert_eq!(status, 200, "{format}: {told}");
            let changed = query.is_empty();
            assert_eq!(told["version"], before + u64::from(changed), "{format}: {told}");
            assert_eq!(told["changes"] != json!([]), changed, "{format}: {told}");
        }
    }
    for (query, body, why) in [
        ("?from=go", "{}", "?from=go: it is no format"),
        ("?from=", "{}", "?from=: it is no format"),
        ("", "{\"System\": {}, \"limits\": {}}", "nothing was changed"),
        ("?from=libp2p", "limits: {}", "nothing was changed"),
        ("", "", "nothing was changed"),
    ] {
        let before = node.in_force();
        let (status, told) = node.put(&format!("/limits{query}"), body).await;
        assert!(status == 400 || status == 422, "{status} {told}");
        assert!(told["error"].as_str().unwrap().contains(why), "{told}");
        assert_eq!(node.in_force(), before);
    }
}

#[tokio::test]
async fn a_bad_body_is_told_all_that_is_wrong_and_changes_nothing() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let body =
        "limits:\n  system:\n    stream: 1\n    memory: lots\n  peer: {streams: 5}\nmemry: 1\n";
    for query in ["", "?dry_run=1", "?persist=1"] {
        let (status, told) = node.put(&format!("/limits{query}"), body).await;
        assert_eq!(status, 422, "{told}");
        let found = told["diagnostics"].as_array().unwrap();
        let places: Vec<_> =
            found.iter().map(|one| (one["line"].as_u64(), one["column"].as_u64())).collect();
        let expected = [(3, 5), (4, 13), (6, 1)].map(|(line, column)| (Some(line), Some(column)));
        assert_eq!(places, expected, "{told}");
        assert_eq!(found[0]["severity"], "error");
        assert_eq!(found[0]["message"], "unknown key \"stream\"");
        assert_eq!(found[0]["help"], "did you mean \"streams\"?");
        assert!(told["text"].as_str().unwrap().contains("request:4:13"), "{told}");
        assert_eq!(node.in_force(), (1, 10));
        assert_eq!(fs::read_to_string(&node.path).unwrap(), streams(10));
    }
    let answer = node.client.put("/limits", vec![b'{', 0xff], None).await.unwrap();
    assert_eq!(told(&answer), (400, json!({"error": "the body is not UTF-8"})));
}

#[tokio::test]
async fn a_change_can_depend_on_the_version() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let tag = node.client.get("/limits").await.unwrap().version.unwrap();
    let run = tag.trim_matches('"').split_once('-').unwrap().0.to_owned();
    let (status, told) = node.put_if(&streams(20), &tag).await;
    assert_eq!((status, &told["version"]), (200, &json!(2)));
    for (version, expected, why) in [
        (tag.as_str(), 412, "version 2 is in force, not 1: read the limits again"),
        ("1", 412, "version 2 is in force, not 1"),
        ("\"1\"", 412, "version 2 is in force, not 1"),
        ("3", 412, "version 2 is in force, not 3"),
        ("\"0-2\"", 412, "another run of the node"),
        ("\"x1-2\"", 412, "another run of the node"),
        ("W/\"2\"", 400, "If-Match is not one version"),
        ("\"1\", \"2\"", 400, "If-Match is not one version"),
        ("\"2", 400, "If-Match is not one version"),
        ("last", 400, "If-Match is not one version"),
        ("", 400, "If-Match is not one version"),
        ("-2", 412, "another run"),
    ] {
        for query in ["", "?dry_run=1"] {
            let path = format!("/limits{query}");
            let put = node.client.put(&path, streams(30), Some(version)).await.unwrap();
            let (status, said) = node::told(&put);
            assert_eq!(status, expected, "{version}: {said}");
            assert!(said["error"].as_str().unwrap().contains(why), "{version}: {said}");
        }
        assert_eq!(node.in_force(), (2, 20));
    }
    let second = format!("\"{run}-2\"");
    for (nth, version) in ["2", "\"4\"", "*"].into_iter().enumerate() {
        let limit = 30 + nth as u64;
        let (status, told) = node.put_if(&streams(limit), version).await;
        assert_eq!(status, 200, "{told}");
        node.put("/limits", streams(limit + 50)).await;
    }
    let (status, _) = node.put_if(&streams(40), &second).await;
    assert_eq!(status, 412);
    let refused = node.client.post("/limits/rollback", "", Some(&second)).await.unwrap();
    assert_eq!(refused.status, 412);
    let current = node.client.get("/limits").await.unwrap().version;
    let done = node.client.post("/limits/rollback", "", current.as_deref()).await.unwrap();
    assert_eq!(done.status, 200);
}

#[tokio::test]
async fn a_trial_tells_what_would_change_and_be_over_and_changes_nothing() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let manager = node.live.manager().clone();
    let streams_of: Vec<_> =
        (0..3).map(|_| manager.open_stream(b"peer", Direction::Inbound).unwrap()).collect();
    let (status, told) = node.put("/limits?dry_run=1", streams(2)).await;
    assert_eq!(status, 200);
    let change = json!({"key": "limits.system.streams", "before": "10", "after": "2"});
    assert_eq!(told["changes"], json!([change]));
    assert_eq!((&told["applied"], &told["version"]), (&json!(false), &json!(1)));
    let over = json!([{
        "scope": {"kind": "system"}, "resource": "streams", "used": 3, "limit": 2,
        "text": "the system holds 3 streams, 1 more than the limit of 2",
    }]);
    assert_eq!(told["over"], over);
    assert_eq!(node.in_force(), (1, 10));
    let (_, told) = node.put("/limits", streams(2)).await;
    assert_eq!((&told["applied"], &told["version"]), (&json!(true), &json!(2)));
    assert_eq!(told["over"], over);
    drop(streams_of);
}

#[tokio::test]
async fn what_is_persisted_is_written_in_the_syntax_of_the_file() {
    for (name, text) in [
        ("limits.yaml", streams(10)),
        ("limits.toml", "[limits.system]\nstreams = 10\n".to_owned()),
        ("limits.json", r#"{"limits": {"system": {"streams": 10}}}"#.to_owned()),
        ("limits", "# a comment\n[limits.system]\nstreams = 10\n".to_owned()),
    ] {
        let mut node = Node::start(name, &text).await;
        node.follow();
        let body = r#"{"System": {"Streams": 20, "Memory": "1073741824"}}"#;
        let (status, told) = node.put("/limits?persist=1", body).await;
        assert_eq!((status, &told["version"]), (200, &json!(2)), "{told}");
        let loaded = node.file.load().unwrap();
        assert_eq!(loaded.format, rcmgr_config::Format::Native);
        let written = fs::read_to_string(&node.path).unwrap();
        let first = written.trim_start().chars().next();
        match name {
            "limits.json" => assert!(serde_json::from_str::<Value>(&written).is_ok(), "{written}"),
            "limits.yaml" => assert!(written.starts_with("limits:\n"), "{written}"),
            _ => assert_eq!(first, Some('['), "{written}"),
        }
        // The change of the file comes back as none. An edit that follows it shows that it is over.
        fs::write(&node.path, text.replace("10", "30")).unwrap();
        node.until_streams(30).await;
        assert_eq!(node.in_force(), (3, 30));
        let left: Vec<_> = fs::read_dir(node.folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_and_nothing_changes() {
    let flow = "libp2p-resource-manager: {memory-limit-ratio: 0.2}\n";
    for (name, text, why) in [
        ("flow.yaml", flow.to_owned(), "it is in the format of flow, which is only read"),
        // Later it has an error, and is still the file of another program.
        ("flow.yaml", format!("{flow}\nlibp2p: 1\n"), "it is in the format of flow"),
        ("kubo.json", r#"{"Swarm": {}, "Identity": {}}"#.to_owned(), "it is in the format of kubo"),
        ("limits.json", "{\"System\": {}".to_owned(), "may be in another program's format"),
        ("limits.toml", "a = [".to_owned(), "may be in another program's format"),
    ] {
        let node =
            Node::start(name, if name.ends_with("toml") { "[limits]\n" } else { "{}" }).await;
        fs::write(&node.path, &text).unwrap();
        let before = node.in_force();
        let (status, told) = node.put("/limits?persist=1", streams(20)).await;
        assert_eq!(status, 409, "{name}: {told}");
        assert!(told["error"].as_str().unwrap().contains(why), "{told}");
        assert_eq!(fs::read_to_string(&node.path).unwrap(), text);
        assert_eq!(node.in_force(), before);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_or_empty_or_wrong_is_written() {
    let node = Node::start("limits.toml", "[limits]\n").await;
    for (nth, text) in [None, Some(""), Some("# a comment\n"), Some("[limits]\nsytem = 1\n")]
        .into_iter()
        .enumerate()
    {
        match text {
            None => fs::remove_file(&node.path).unwrap(),
            Some(text) => fs::write(&node.path, text).unwrap(),
        }
        let limit = 20 + nth as u64;
        let (status, told) = node.put("/limits?persist=1", streams(limit)).await;
        assert_eq!(status, 200, "{told}");
        let written = fs::read_to_string(&node.path).unwrap();
        assert_eq!(written, format!("[limits.system]\nstreams = {limit}\n"));
    }
}

#[tokio::test]
async fn what_would_not_last_is_told_when_it_is_persisted() {
    let mut environment = Settings::default();
    let at = At::Environment("RCMGR_SYSTEM_STREAMS".into());
    let said = Said::new(Setting::Limit(Limit::new(15)), at);
    let system = Subject::Class(Class::System);
    environment.scopes.entry(system).or_default().insert(Resource::Streams, said);
    let layers = Layers { environment, ..Layers::default() };
    let node = Node::with("limits.yaml", &streams(10), layers, Fake::new()).await;
    assert_eq!(node.in_force(), (1, 15));
    let (_, told) = node.put("/limits?persist=1", streams(20)).await;
    assert_eq!(node.in_force(), (2, 20));
    let warning = &told["warnings"][0];
    let message = warning["message"].as_str().unwrap();
    assert!(message.contains("limits.system.streams: when the file is read again"), "{message}");
    assert!(message.contains("$RCMGR_SYSTEM_STREAMS wins"), "{message}");
    assert!(message.ends_with("limits.system.streams: 20 -> 15"), "{message}");
}

#[tokio::test]
async fn what_contradicts_the_flags_is_refused_with_both_places() {
    let mut flags = Settings::default();
    let path = ["connection-manager", "quotas", "/a", "maximum"];
    let mut found = Diagnostics::default();
    native::set(&mut flags, &path, "20", At::Flag("--set".into()), &mut found);
    assert!(found.is_empty(), "{found}");
    let layers = Layers { flags, ..Layers::default() };
    let node = Node::with("limits.yaml", &streams(10), layers, Fake::new()).await;
    let quota = "connection-manager: {quotas: {/a: {minimum: 21}}}";
    let (status, told) = node.put("/limits", quota.to_owned()).await;
    assert_eq!(status, 422, "{told}");
    let message = told["diagnostics"][0]["message"].as_str().unwrap();
    assert!(message.contains("connection-manager.quotas.\"/a\".minimum is 21"), "{message}");
    assert!(message.ends_with("which is 20 (--set)"), "{message}");
}

#[tokio::test]
async fn what_is_not_known_is_refused_everywhere() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    for path in ["/limits?explian=1", "/limits?dry_run=1", "/stat?all=1", "/limits/versions?n=1"] {
        let (status, told) = node.get(path).await;
        assert_eq!(status, 400, "{told}");
        assert!(told["error"].as_str().unwrap().contains("is not known here"), "{told}");
    }
    for path in ["dryrun=1", "dry_run=maybe", "dry_run=0&dry_run=1", "dry_run=1&persist=1", "to=1"]
    {
        let (status, told) = node.put(&format!("/limits?{path}"), streams(20)).await;
        assert_eq!(status, 400, "{told}");
    }
    for path in ["persist=1", "to=x", "to=-1", "to=1&to=1", "dryrun=1"] {
        let (status, told) = node.post(&format!("/limits/rollback?{path}")).await;
        assert_eq!(status, 400, "{told}");
    }
    assert_eq!(node.get("/limits/").await.0, 404);
    assert_eq!(node.get("/limits/rollback").await.0, 405);
    assert_eq!(node.post("/limits").await.0, 405);
    assert_eq!(node.get("/healthz?at=1234").await.0, 200);
    assert_eq!(node.in_force(), (1, 10));
}

#[tokio::test]
async fn versions_are_told_and_gone_back_to() {
    let node = Node::start("limits.yaml", &streams(1)).await;
    let (status, told) = node.post("/limits/rollback").await;
    assert_eq!(status, 409, "{told}");
    assert!(told["error"].as_str().unwrap().contains("no version from before"), "{told}");
    for limit in 2..=20 {
        node.put("/limits", streams(limit)).await;
    }
    let (_, told) = node.get("/limits/versions").await;
    assert_eq!(told["version"], 20);
    let versions = told["versions"].as_array().unwrap();
    assert_eq!(versions.len(), 16);
    assert_eq!(versions[0], json!({"version": 5, "cause": "request"}));

    let (_, told) = node.post("/limits/rollback?dry_run=1").await;
    let change = json!([{"key": "limits.system.streams", "before": "20", "after": "19"}]);
    assert_eq!((&told["changes"], &told["applied"]), (&change, &json!(false)));
    assert_eq!(node.in_force(), (20, 20));
    let (_, told) = node.post("/limits/rollback").await;
    assert_eq!((&told["changes"], &told["cause"]), (&change, &json!("rollback to 19")));
    assert_eq!(node.in_force(), (21, 19));
    node.post("/limits/rollback?to=6").await;
    assert_eq!(node.in_force(), (22, 6));
    let (status, told) = node.post("/limits/rollback?to=6").await;
    assert_eq!(status, 409, "{told}");
    assert!(told["error"].as_str().unwrap().contains("these are kept: 7, 8, 9"), "{told}");
    let (_, told) = node.post("/limits/rollback?to=22").await;
    assert_eq!((&told["changes"], &told["version"]), (&json!([]), &json!(22)));
    assert_eq!(node.live.versions().len(), 16);
}

#[tokio::test]
async fn what_is_held_is_told_as_it_is() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let manager = node.live.manager();
    let request = ConnectionRequest::inbound().with_ip([192, 0, 2, 1].into());
    let connection = manager.open_connection(request).unwrap();
    connection.set_peer(b"peer").unwrap();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    stream.set_protocol("/ping/1.0.0").unwrap();
    let answer = node.client.get("/stat").await.unwrap();
    assert_eq!(answer.version, None, "it is no version of what is held");
    let stat: Stat = serde_json::from_slice(&answer.body).unwrap();
    let stats = manager.stats();
    let held: Vec<_> = stats.scopes().map(|(id, held)| (id, *held)).collect();
    assert_eq!(stat.amounts().collect::<Vec<_>>(), held);
    assert_eq!((stat.version, stat.more_scopes, stat.more_networks), (1, 0, 0));
    assert_eq!(stat.networks[0].network, "192.0.2.1/32");
}

#[tokio::test]
async fn of_many_changes_only_so_many_are_told_one_by_one() {
    let node = Node::start("limits.yaml", "{}").await;
    let manager = node.live.manager().clone();
    let held: Vec<_> = (0..1100u32)
        .map(|nth| manager.peer(&nth.to_be_bytes()))
        .map(|peer| peer.reserve_memory(1, Priority::ALWAYS).unwrap().into_owned())
        .collect();
    let names: String = (0..10_100).map(|nth| format!("    /n/{nth}: {{streams: 1}}\n")).collect();
    let body = format!("limits:\n  peer: {{memory: block}}\n  protocols:\n{names}");
    let (status, told) = node.put("/limits?dry_run=1", body).await;
    assert_eq!(status, 200);
    let listed = |key: &str| told[key].as_array().unwrap().len();
    assert_eq!((listed("changes"), told["more_changes"].as_u64()), (10_000, Some(101)));
    assert_eq!((listed("over"), told["more_over"].as_u64()), (1000, Some(100)));
    drop(held);
}

/// What a node says that goes by its file, is not short of memory, and has this version.
fn healthy(version: u64) -> Value {
    json!({"status": "ok", "version": version, "memory_pressure": "normal"})
}

#[tokio::test]
async fn health_tells_how_short_of_memory_the_node_is() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    assert_eq!(node.get("/healthz").await, (200, healthy(1)));
    node.live.manager().require_priority(PressureLevel::High.required_priority());
    assert_eq!(node.get("/healthz").await.1["memory_pressure"], json!("high"));
    node.live.manager().require_priority(PressureLevel::Normal.required_priority());
    assert_eq!(node.get("/healthz").await, (200, healthy(1)));
}

#[tokio::test]
async fn health_tells_of_a_bad_file_until_it_is_mended() {
    let mut node = Node::start("limits.yaml", &streams(10)).await;
    node.follow();
    assert_eq!(node.get("/healthz").await, (200, healthy(1)));
    fs::write(&node.path, "limits: {sytem: {}}").unwrap();
    node.until("the bad file is seen", |node| node.live.health().problem.is_some()).await;
    let (status, told) = node.get("/healthz").await;
    assert_eq!((status, &told["status"]), (200, &json!("bad file")));
    let problem = told["problem"].as_str().unwrap();
    assert!(problem.contains("limits.yaml:1:10") && problem.contains("\"system\""), "{problem}");
    let (status, told) = node.put("/limits?persist=1", streams(20)).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(node.get("/healthz").await, (200, healthy(2)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_change_the_same_version_one_wins() {
    let node = Node::start("limits.yaml", &streams(1)).await;
    for round in 0..5 {
        let tag = node.client.get("/limits").await.unwrap().version.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        for nth in 0..40 {
            let (client, tag) = (node.client.clone(), tag.clone());
            let limit = 1000 * (round + 1) + nth;
            tasks.spawn(async move {
                let put = client.put("/limits", streams(limit), Some(&tag)).await.unwrap();
                (put.status.as_u16(), limit)
            });
        }
        let all = tasks.join_all().await;
        let won: Vec<_> = all.iter().filter(|(status, _)| *status == 200).collect();
        assert_eq!(won.len(), 1, "{all:?}");
        assert!(all.iter().all(|(status, _)| matches!(status, 200 | 412)), "{all:?}");
        assert_eq!(node.in_force(), (round + 2, won[0].1));
    }
}

#[tokio::test]
async fn who_leaves_amid_a_change_leaves_all_of_it_or_nothing() {
    let node = Node::start("limits.yaml", &streams(10)).await;
    let Listen::Tcp(address) = node.local else { panic!("it listens on a port") };
    let body = streams(20);
    for sent in [body.len() / 2, body.len()] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT /limits HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&body.as_bytes()[..sent]).await.unwrap();
        if sent < body.len() {
            // It sees that the other side is gone, and ends.
            stream.shutdown().await.unwrap();
            let mut rest = String::new();
            timeout(PATIENCE, stream.read_to_string(&mut rest)).await.unwrap().unwrap();
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
            assert_eq!(node.in_force(), (1, 10));
        } else {
            drop(stream);
            // Once another has had its turn, this one has had its own, or never will.
            node.put("/limits", streams(30)).await;
            let versions = node.live.versions();
            let limits: Vec<_> = versions
                .iter()
                .map(|version| version.effective.limits.system.streams.get())
                .collect();
            assert!(limits == [10, 20, 30] || limits == [10, 30], "{limits:?}");
        }
    }
}
