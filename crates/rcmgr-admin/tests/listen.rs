//! Where a server listens, who may connect there, and what a client is told.

mod common;

use common::{PATIENCE, Running, long, token};
use rcmgr_admin::{BindError, Client, ClientError, Listen, Server};
use tokio::net::TcpListener;

fn client(local: &Listen) -> Client {
    let node = match local {
        Listen::Tcp(address) => format!("http://{address}"),
        Listen::Unix(_) => local.to_string(),
    };
    Client::new(node.parse().expect("it is the URL of a node"))
}

async fn refused(listen: &str) -> BindError {
    let listen = listen.parse().expect("it is a place to listen at");
    Server::bind(&listen, None).await.err().expect("it cannot be listened at")
}

#[tokio::test]
async fn other_machines_are_let_in_only_with_a_token() {
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let error = refused(listen).await;
        assert!(matches!(error, BindError::TokenNeeded(_)), "{error}");
        let shown = error.to_string();
        assert!(shown.starts_with(listen) && shown.contains("RCMGR_ADMIN_TOKEN"), "{shown}");
    }
    let server = Running::start("0.0.0.0:0", Some(token()), long()).await;
    server.stop().await;
}

#[tokio::test]
async fn an_address_that_is_taken_says_so() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = refused(&other.local_addr().unwrap().to_string()).await;
    assert!(matches!(error, BindError::Taken(_)), "{error}");
}

#[tokio::test]
async fn a_client_asks_and_tells_why_it_cannot() {
    let server = Running::on_loopback(Some(token()), long()).await;
    let stranger = client(&server.local);
    let error = stranger.post("/length", "1234", None).await.unwrap_err();
    assert!(matches!(error, ClientError::TokenNeeded { .. }), "{error}");
    assert_eq!(stranger.get("/healthz").await.unwrap().body, "ok\n");
    let mistaken = stranger.clone().with_token("fedcba9876543210".parse().unwrap());
    let error = mistaken.post("/length", vec![0; 1_000_000], None).await.unwrap_err();
    assert!(matches!(error, ClientError::WrongToken { .. }), "{error}");
    let known = stranger.clone().with_token(token());
    assert_eq!(known.post("/length", "1234", Some("\"7\"")).await.unwrap().body, "4");
    let whole = known.post("/length", vec![0; rcmgr_admin::MAX_BODY], None).await.unwrap();
    assert_eq!(whole.body, rcmgr_admin::MAX_BODY.to_string());
    assert_eq!(known.get("/missing").await.unwrap().status, 404);
    server.stop().await;
    let error = known.get("/healthz").await.unwrap_err();
    assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
}

#[cfg(unix)]
mod unix {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    use std::path::PathBuf;
    use tokio::time::timeout;

    fn socket(folder: &tempfile::TempDir) -> (PathBuf, String) {
        let path = folder.path().join("rcmgr.sock");
        let listen = format!("unix:{}", path.display());
        (path, listen)
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_and_goes_with_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        let server = Running::start(&listen, None, long()).await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let client = client(&server.local);
        assert_eq!(client.post("/length", "1234", None).await.unwrap().body, "4");
        server.stop().await;
        assert!(!path.exists());
        let error = client.get("/healthz").await.unwrap_err();
        assert!(matches!(error, ClientError::NotRunning { .. }), "{error}");
        let listen = listen.parse().unwrap();
        drop(Server::bind(&listen, None).await.unwrap());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn the_socket_of_a_program_that_is_gone_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
        let gone = client(&listen.parse().unwrap()).get("/healthz").await.unwrap_err();
        assert!(matches!(gone, ClientError::NotRunning { .. }), "{gone}");
        let server = Running::start(&listen, None, long()).await;
        assert_eq!(client(&server.local).get("/healthz").await.unwrap().status, 200);
        server.stop().await;
    }

    #[tokio::test]
    async fn a_socket_where_somebody_answers_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (_, listen) = socket(&folder);
        let server = Running::start(&listen, None, long()).await;
        let error = refused(&listen).await;
        assert!(matches!(error, BindError::Taken(_)), "{error}");
        assert_eq!(client(&server.local).get("/healthz").await.unwrap().status, 200);
        server.stop().await;
    }

    #[tokio::test]
    async fn a_file_or_a_link_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        fs::write(&path, "precious").unwrap();
        assert!(matches!(refused(&listen).await, BindError::NotASocket(_)));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("elsewhere", &path).unwrap();
        assert!(matches!(refused(&listen).await, BindError::NotASocket(_)));
        assert!(fs::symlink_metadata(&path).unwrap().is_symlink());
    }

    #[tokio::test]
    async fn the_file_of_who_came_after_is_not_removed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, listen) = socket(&folder);
        let server = Running::start(&listen, None, long()).await;
        let after = folder.path().join("after.sock");
        let _after = std::os::unix::net::UnixListener::bind(&after).unwrap();
        fs::rename(&after, &path).unwrap();
        server.stop().await;
        assert!(fs::metadata(&path).unwrap().file_type().is_socket());
    }

    #[tokio::test]
    async fn a_path_that_cannot_be_a_socket_says_why() {
        let long = format!("unix:/tmp/{}", "x".repeat(200));
        let missing = "unix:/nonexistent/rcmgr.sock";
        for listen in [&long, missing] {
            let error = timeout(PATIENCE, refused(listen)).await.unwrap().to_string();
            assert!(error.starts_with(listen) && error.contains("choose a place"), "{error}");
        }
    }
}
