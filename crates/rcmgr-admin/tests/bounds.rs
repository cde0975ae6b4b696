//! A server gives nobody more than its bounds: neither time nor room.

mod common;

use common::{BIG, PATIENCE, Raw, Running, TOKEN, long, short, token};
use rcmgr_admin::Bounds;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

const GET: &str = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn post(headers: &str) -> String {
    format!("POST /length HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n")
}

/// Whether a server still answers others.
async fn is_well(server: &Running) -> bool {
    let mut other = server.connect().await;
    other.send(GET).await;
    other.answer().await.starts_with("HTTP/1.1 200 OK")
}

#[tokio::test]
async fn requests_are_answered_one_after_the_other_on_one_connection() {
    let server = Running::on_loopback(None, long()).await;
    let mut raw = server.connect().await;
    for _ in 0..3 {
        raw.send(GET).await;
        assert!(raw.answer().await.ends_with("all is well with version 7"));
    }
    server.stop().await;
}

#[tokio::test]
async fn who_sends_no_head_or_only_a_part_is_cut_off() {
    let bounds = Bounds { head: short().head, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    for part in ["", "GET /healthz HTTP/1.1\r\nhost: loc", &GET[..GET.len() - 2]] {
        let mut raw = server.connect().await;
        raw.send(part).await;
        assert_eq!(raw.rest().await, "", "{part:?}");
    }
    let mut idle = server.connect().await;
    idle.send(GET).await;
    idle.answer().await;
    assert_eq!(idle.rest().await, "");
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_trickles_in_gets_no_more_time() {
    let bounds = Bounds { head: short().head, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    let (mut reader, mut writer) = server.connect().await.0.into_split();
    let trickle = tokio::spawn(async move {
        let head = b"GET /healthz HTTP/1.1\r\n".iter().chain(b"x: y\r\n".iter().cycle());
        let mut tick = tokio::time::interval(std::time::Duration::from_millis(5));
        for byte in head {
            tick.tick().await;
            if writer.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    });
    let mut answer = Vec::new();
    let ended = timeout(PATIENCE, reader.read_to_end(&mut answer)).await;
    assert!(ended.is_ok() && answer.is_empty());
    assert!(timeout(PATIENCE, trickle).await.is_ok());
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_refused() {
    let bounds = Bounds { request: short().request, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    for (headers, part) in [
        ("content-length: 10\r\n", "12345"),
        ("transfer-encoding: chunked\r\n", "5\r\n12345\r\n"),
        ("content-length: 10\r\nexpect: 100-continue\r\n", ""),
    ] {
        let mut raw = server.connect().await;
        raw.send(&format!("{}{part}", post(headers))).await;
        let answer = raw.rest().await;
        assert!(answer.contains("HTTP/1.1 408 Request Timeout\r\n"), "{headers}: {answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_not_ready_in_time_is_refused() {
    let bounds = Bounds { request: short().request, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    let mut raw = server.connect().await;
    raw.send("GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = raw.answer().await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.ends_with(r#"{"error":"the answer was not ready in time"}"#), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn who_does_not_read_the_answer_is_cut_off() {
    let bounds = Bounds { write: short().write, connections: 1, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    let mut raw = server.connect().await;
    raw.send("GET /big HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    // There is room for one: who is answered comes after the one who does not read.
    assert!(is_well(&server).await);
    let mut read = Vec::new();
    let _ = timeout(PATIENCE, raw.0.read_to_end(&mut read)).await.expect("it is cut off");
    assert!(read.len() < BIG);
    server.stop().await;
}

#[tokio::test]
async fn who_reads_the_answer_gets_all_of_it() {
    let bounds = Bounds { write: PATIENCE, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    let mut raw = server.connect().await;
    raw.send("GET /big HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!(answer.bytes().filter(|byte| *byte == b'x').count(), BIG);
    server.stop().await;
}

#[tokio::test]
async fn further_connections_wait_until_there_is_room() {
    let bounds = Bounds { connections: 2, ..long() };
    let server = Running::on_loopback(None, bounds).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for raw in [&mut first, &mut second] {
        raw.send(GET).await;
        raw.answer().await;
    }
    let mut third = server.connect().await;
    third.send(GET).await;
    for raw in [&mut first, &mut second] {
        raw.send(GET).await;
        raw.answer().await;
    }
    let third = third.0.into_std().expect("it is a socket");
    let early = third.peek(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(early, Err(std::io::ErrorKind::WouldBlock));
    let mut third = Raw(tokio::net::TcpStream::from_std(third).expect("it is a socket"));
    drop(first);
    assert!(third.answer().await.starts_with("HTTP/1.1 200 OK"));
    server.stop().await;
}

#[tokio::test]
async fn a_body_of_just_the_bound_is_taken_and_one_byte_more_is_not() {
    let server = Running::on_loopback(None, Bounds { body: 1000, ..long() }).await;
    let chunked = |length: usize| {
        let head = post("transfer-encoding: chunked\r\n");
        let half = length / 2;
        let chunk = |length: usize| format!("{length:x}\r\n{}\r\n", "x".repeat(length));
        format!("{head}{}{}0\r\n\r\n", chunk(half), chunk(length - half))
    };
    let plain = |length: usize| {
        format!("{}{}", post(&format!("content-length: {length}\r\n")), "x".repeat(length))
    };
    for request in [plain(1000), chunked(1000)] {
        let mut raw = server.connect().await;
        raw.send(&request).await;
        assert!(raw.answer().await.ends_with("\r\n\r\n1000"));
    }
    for request in [plain(1001), chunked(1001), plain(2001), chunked(100_000), plain(100_000)] {
        let mut raw = server.connect().await;
        raw.send(&request).await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 413 Payload Too Large\r\n"), "{answer}");
        assert!(answer.ends_with("larger than 1000 bytes\"}"), "{answer}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let server = Running::on_loopback(None, long()).await;
    let (reader, mut writer) = server.connect().await.0.into_split();
    let flood = tokio::spawn(async move {
        let head = post("transfer-encoding: chunked\r\n");
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        let mut sent = writer.write_all(head.as_bytes()).await;
        while sent.is_ok() {
            sent = writer.write_all(chunk.as_bytes()).await;
        }
    });
    let mut reader = tokio::io::BufReader::new(reader);
    let mut line = String::new();
    let read = tokio::io::AsyncBufReadExt::read_line(&mut reader, &mut line);
    timeout(PATIENCE, read).await.expect("it is answered").expect("it can be read");
    assert_eq!(line, "HTTP/1.1 413 Payload Too Large\r\n");
    timeout(PATIENCE, flood).await.expect("the flood is cut off").expect("it does not panic");
    assert!(is_well(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn who_waits_to_be_told_to_go_on_is_told_at_once() {
    let server = Running::on_loopback(None, Bounds { body: 1000, ..long() }).await;
    let mut raw = server.connect().await;
    raw.send(&post("content-length: 1001\r\nexpect: 100-continue\r\n")).await;
    assert!(raw.rest().await.starts_with("HTTP/1.1 413 "));
    let mut raw = server.connect().await;
    raw.send(&post("content-length: 4\r\nexpect: 100-continue\r\n")).await;
    assert_eq!(raw.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    raw.send("1234").await;
    assert!(raw.answer().await.ends_with("\r\n\r\n4"));
    server.stop().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let server = Running::on_loopback(None, long()).await;
    let long_value = format!("{}x: {}\r\n\r\n", &GET[..GET.len() - 2], "y".repeat(20_000));
    let many = format!("{}{}\r\n", &GET[..GET.len() - 2], "x: y\r\n".repeat(64));
    let long_target = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    for head in [long_value, many, long_target] {
        let mut raw = server.connect().await;
        raw.send(&head).await;
        let answer = raw.rest().await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let fits = format!("{}{}\r\n", &GET[..GET.len() - 2], "x: y\r\n".repeat(63));
    let mut raw = server.connect().await;
    raw.send(&fits).await;
    assert!(raw.answer().await.starts_with("HTTP/1.1 200 "));
    server.stop().await;
}

#[tokio::test]
async fn what_is_no_http_is_refused() {
    let server = Running::on_loopback(None, long()).await;
    for text in ["hello\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"] {
        let mut raw = server.connect().await;
        raw.send(text).await;
        let answer = raw.rest().await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{text:?}: {answer}");
    }
    assert!(is_well(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn who_may_not_ask_is_refused_before_the_body() {
    let server = Running::on_loopback(Some(token()), long()).await;
    let mut raw = server.connect().await;
    raw.send(&post("content-length: 1000000\r\n")).await;
    let answer = raw.rest().await;
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(answer.contains("\r\nwww-authenticate: Bearer\r\n"), "{answer}");
    assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn strangers_are_told_ok_or_not_and_nothing_more() {
    let server = Running::on_loopback(Some(token()), long()).await;
    let asks = async |head: &str| {
        let mut raw: Raw = server.connect().await;
        raw.send(&format!("{head} HTTP/1.1\r\nhost: anything\r\n\r\n")).await;
        raw.answer().await
    };
    let well = asks("GET /healthz").await;
    assert!(well.starts_with("HTTP/1.1 200 OK\r\n") && well.ends_with("\r\n\r\nok\n"), "{well}");
    assert!(asks("POST /healthz").await.starts_with("HTTP/1.1 401 "));
    let known =
        asks(&format!("GET /healthz HTTP/1.1\r\nauthorization: Bearer {TOKEN}\r\nx:")).await;
    assert!(known.ends_with("all is well with version 7"), "{known}");
    server.stop().await;
}

#[tokio::test]
async fn a_handler_that_panics_ends_its_connection_alone() {
    let server = Running::on_loopback(None, Bounds { connections: 1, ..long() }).await;
    for _ in 0..3 {
        let mut raw = server.connect().await;
        raw.send("GET /panic HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
        assert_eq!(raw.rest().await, "");
    }
    assert!(is_well(&server).await);
    server.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_requests_under_way_but_not_for_idle_connections() {
    let server = Running::on_loopback(None, long()).await;
    let mut idle = server.connect().await;
    idle.send(GET).await;
    idle.answer().await;
    let mut busy = server.connect().await;
    busy.send(&post("content-length: 4\r\nexpect: 100-continue\r\n")).await;
    assert_eq!(busy.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    let stopping = tokio::spawn(server.stop());
    assert_eq!(idle.rest().await, "");
    busy.send("1234").await;
    assert!(busy.rest().await.ends_with("\r\n\r\n4"));
    timeout(PATIENCE, stopping).await.expect("it stops").expect("it does not panic");
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let server = Running::on_loopback(None, Bounds { stop: short().stop, ..long() }).await;
    let mut busy = server.connect().await;
    busy.send(&post("content-length: 4\r\nexpect: 100-continue\r\n")).await;
    assert_eq!(busy.answer().await, "HTTP/1.1 100 Continue\r\n\r\n");
    server.stop().await;
    assert_eq!(busy.rest().await, "");
}
