//! Which requests are let in.

use super::*;
use axum::http::Request;
use http_body_util::BodyExt;

const TOKEN: &str = "0123456789abcdef";

fn gate(listen: &str, token: Option<&str>) -> Gate {
    Gate::new(&listen.parse().unwrap(), token.map(|token| token.parse().unwrap()))
}

fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> request::Parts {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

fn status(gate: &Gate, head: &request::Parts) -> u16 {
    gate.admit(head).map_or_else(|refused| refused.status.as_u16(), |_| 200)
}

#[test]
fn only_a_loopback_host_is_let_in_without_a_token() {
    let gate = gate("127.0.0.1:5001", None);
    for (host, expected) in [
        ("127.0.0.1:5001", 200),
        ("127.0.0.1", 200),
        ("127.1.2.3:9", 200),
        ("localhost:5001", 200),
        ("LocalHost", 200),
        ("[::1]:5001", 200),
        ("[::ffff:127.0.0.1]", 200),
        ("evil.example:5001", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.1.evil.example", 403),
        ("evil.example@127.0.0.1", 403),
        ("10.0.0.1:5001", 403),
        ("0.0.0.0:5001", 403),
        ("", 403),
        ("127.0.0.1, evil.example", 403),
    ] {
        assert_eq!(status(&gate, &head("GET", "/limits", &[("Host", host)])), expected, "{host}");
    }
    assert_eq!(status(&gate, &head("GET", "/limits", &[])), 403);
    let both = [("Host", "127.0.0.1"), ("Host", "evil.example")];
    assert_eq!(status(&gate, &head("GET", "/limits", &both)), 403);
    let target = head("GET", "http://evil.example/limits", &[("Host", "127.0.0.1")]);
    assert_eq!(status(&gate, &target), 403);
}

#[test]
fn a_page_of_another_origin_is_not_let_in() {
    for token in [None, Some(TOKEN)] {
        let gate = gate("127.0.0.1:5001", token);
        for (origin, expected) in [
            ("http://127.0.0.1:5001", 200),
            ("http://127.0.0.1:3000", 403),
            ("http://127.0.0.1", 403),
            ("http://localhost:5001", 403),
            ("https://evil.example", 403),
            ("null", 403),
            ("", 403),
            ("file://", 403),
            ("chrome-extension://127.0.0.1:5001", 403),
        ] {
            let shown = format!("Bearer {TOKEN}");
            let headers =
                [("Host", "127.0.0.1:5001"), ("Origin", origin), ("Authorization", &shown)];
            assert_eq!(status(&gate, &head("PUT", "/limits", &headers)), expected, "{origin}");
        }
    }
}

#[test]
fn the_port_that_a_scheme_implies_is_the_same_origin() {
    let gate = gate("0.0.0.0:443", Some(TOKEN));
    let shown = format!("Bearer {TOKEN}");
    for (host, origin, expected) in [
        ("ops.example", "https://ops.example", 200),
        ("ops.example:443", "https://OPS.example", 200),
        ("ops.example", "http://ops.example:80", 200),
        ("ops.example", "https://ops.example:80", 403),
    ] {
        let headers = [("Host", host), ("Origin", origin), ("Authorization", &shown)];
        assert_eq!(status(&gate, &head("PUT", "/limits", &headers)), expected, "{origin}");
    }
}

#[test]
fn no_browser_reaches_a_unix_socket() {
    let gate = gate("unix:x", None);
    let headers = [("Host", "rcmgr"), ("Origin", "https://evil.example")];
    assert_eq!(status(&gate, &head("PUT", "/limits", &headers)), 200);
    assert_eq!(status(&gate, &head("PUT", "/limits", &[])), 200);
}

#[test]
fn the_token_is_asked_of_everyone() {
    for listen in ["0.0.0.0:5001", "127.0.0.1:5001", "unix:x"] {
        let gate = gate(listen, Some(TOKEN));
        let right = format!("Bearer {TOKEN}");
        for (shown, expected) in [
            (vec![("Authorization", right.as_str())], 200),
            (vec![("Authorization", "Bearer 0123456789abcdeX")], 401),
            (vec![("Authorization", right.as_str()), ("Authorization", right.as_str())], 401),
            (vec![("Authorization", "Basic Og==")], 401),
            (vec![], 401),
        ] {
            assert_eq!(status(&gate, &head("GET", "/limits", &shown)), expected, "{shown:?}");
        }
    }
}

#[test]
fn a_stranger_may_ask_for_health_alone() {
    let gate = gate("0.0.0.0:5001", Some(TOKEN));
    for (method, target, expected) in [
        ("GET", "/healthz", Some(Caller::Stranger)),
        ("HEAD", "/healthz", Some(Caller::Stranger)),
        ("GET", "/healthz?all=1", Some(Caller::Stranger)),
        ("POST", "/healthz", None),
        ("GET", "/healthz/", None),
        ("GET", "//healthz", None),
        ("GET", "/HEALTHZ", None),
        ("GET", "/stat", None),
    ] {
        assert_eq!(gate.admit(&head(method, target, &[])).ok(), expected, "{method} {target}");
    }
    let shown = format!("Bearer {TOKEN}");
    let known = head("GET", "/healthz", &[("Authorization", &shown)]);
    assert_eq!(gate.admit(&known).ok(), Some(Caller::Operator));
    let wrong = head("GET", "/healthz", &[("Authorization", "Bearer 0123456789abcdeX")]);
    assert_eq!(status(&gate, &wrong), 401);
}

#[tokio::test]
async fn a_stranger_sees_nothing_of_an_answer_but_whether_all_is_well() {
    for (status, seen, text) in [(200, 200, "ok\n"), (500, 503, "not ok\n"), (503, 503, "not ok\n")]
    {
        let answer = || {
            let answer = Response::builder().status(status).header("etag", "7");
            answer.body(Body::from("limits.yaml:3: no such key")).unwrap()
        };
        let shown = Caller::Stranger.may_see(answer());
        assert_eq!(shown.status(), seen);
        assert!(shown.headers().is_empty());
        assert_eq!(shown.into_body().collect().await.unwrap().to_bytes(), text);
        let shown = Caller::Operator.may_see(answer());
        assert_eq!((shown.status().as_u16(), shown.headers().len()), (status, 1));
    }
}
