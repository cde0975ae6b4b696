//! What a client says of servers that do not answer as they should.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Asks a server that reads the head of the request and then answers with these bytes.
async fn answered_by(answer: &'static [u8]) -> Result<Answer, ClientError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        // The client may have had enough.
        let _ = stream.write_all(answer).await;
    });
    let mut client = Client::new(format!("http://{address}").parse().unwrap());
    client.max_answer = 8;
    let answer = client.get("/").await;
    server.await.unwrap();
    answer
}

#[tokio::test]
async fn an_answer_is_read_with_its_version() {
    let bytes =
        b"HTTP/1.1 412 Precondition Failed\r\netag: \"7\"\r\ncontent-length: 5\r\n\r\nstale";
    let answer = answered_by(bytes).await.unwrap();
    assert_eq!(answer.status, StatusCode::PRECONDITION_FAILED);
    assert_eq!(answer.version.as_deref(), Some("\"7\""));
    assert_eq!(answer.message(), "stale");
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n123456789"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n123456789",
    ] {
        let error = answered_by(bytes).await.unwrap_err();
        assert!(matches!(error, ClientError::AnswerTooLarge { max: 8, .. }), "{error}");
    }
    let whole = answered_by(b"HTTP/1.1 200 OK\r\n\r\n12345678").await.unwrap();
    assert_eq!(whole.body, "12345678");
}

#[tokio::test]
async fn what_is_no_http_is_broken() {
    for bytes in
        [&b"SSH-2.0-OpenSSH_9.7\r\n"[..], b"", b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n1"]
    {
        let error = answered_by(bytes).await.unwrap_err();
        assert!(matches!(error, ClientError::Broken { .. }), "{error}");
        assert!(error.to_string().ends_with("is it a node of rcmgr?"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_not_waited_for_any_longer() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let node = format!("http://{}", listener.local_addr().unwrap());
    let mut client = Client::new(node.parse().unwrap());
    client.time = Duration::from_millis(50);
    let error = client.get("/").await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[tokio::test]
async fn what_cannot_be_sent_says_why() {
    let client = Client::new("http://127.0.0.1:1".parse().unwrap());
    for path in ["limits", "", "/a b", "http://127.0.0.1/limits", "*"] {
        let error = client.get(path).await.unwrap_err();
        assert!(matches!(error, ClientError::InvalidPath { .. }), "{path}: {error}");
    }
    let error = client.put("/limits", "{}", Some("a\nb")).await.unwrap_err();
    assert!(matches!(error, ClientError::InvalidVersion { .. }), "{error}");
    let error = client.put("/limits", vec![0; MAX_BODY + 1], None).await.unwrap_err();
    assert!(matches!(error, ClientError::BodyTooLarge { .. }), "{error}");
}

#[test]
fn the_message_of_a_refusal_is_its_error_or_its_text() {
    let message = |body: &'static str| {
        let body = Bytes::from_static(body.as_bytes());
        Answer { status: StatusCode::BAD_REQUEST, version: None, body }.message()
    };
    assert_eq!(message(r#"{"error":"line 3: no such key"}"#), "line 3: no such key");
    assert_eq!(message(r#"{"error":7}"#), r#"{"error":7}"#);
    assert_eq!(message(" plain\n"), "plain");
    assert_eq!(message(""), "400 Bad Request");
}
