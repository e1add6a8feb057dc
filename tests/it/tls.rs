//! TLS by the server itself, with generated certificates and real clients.

use std::{path::PathBuf, sync::Arc, time::Duration};

use axum::body::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::TaskTracker;

use crate::support::{EmptyServer, TestDatabase, program, upgrade_to, wait_for};

/// Time limit of a wait.
const TEST_TIMEOUT: Duration = Duration::from_mins(1);
const QUERY: &str = "{\"query\":\"{ viewer { kind } }\"}";

/// A certificate for `localhost` in two files.
struct Certificate {
    folder: TempDir,
    der: CertificateDer<'static>,
}

impl Certificate {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let der = write(&folder.path().join("certificate.pem"), &folder.path().join("key.pem"));
        Self { folder, der }
    }

    /// Replaces the files with another certificate.
    fn renew(&mut self) {
        self.der = write(&self.file("certificate.pem"), &self.file("key.pem"));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn arguments(&self) -> [String; 4] {
        let path = |name| self.file(name).display().to_string();
        ["--tls-certificate".into(), path("certificate.pem"), "--tls-key".into(), path("key.pem")]
    }

    async fn serve(&self, more: &[&str]) -> EmptyServer {
        let arguments = self.arguments();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        EmptyServer::start(&arguments).await
    }
}

fn write(certificate: &std::path::Path, key: &std::path::Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    std::fs::write(certificate, made.cert.pem()).expect("written");
    std::fs::write(key, made.signing_key.serialize_pem()).expect("written");
    made.cert.der().clone()
}

/// Connects as a client that trusts `certificate` and offers these protocols.
async fn connect(server: &EmptyServer, trusted: &CertificateDer<'static>, protocols: &[&str]) -> TlsStream<TcpStream> {
    try_connect(server, trusted, protocols).await.expect("a connection")
}

async fn try_connect(
    server: &EmptyServer,
    trusted: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).expect("a certificate");
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address(server)).await.expect("a connection");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn address(server: &EmptyServer) -> String {
    server.at("").replace("http://", "")
}

/// Sends one query by HTTP/1.1.
async fn query_viewer(stream: &mut TlsStream<TcpStream>, key: &str) -> String {
    let request = format!(
        "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: \
         application/json\r\nContent-Length: {}\r\n\r\n{QUERY}",
        QUERY.len()
    );
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"}}}") {
        let mut part = [0; 1024];
        let read = timeout(TEST_TIMEOUT, stream.read(&mut part)).await.expect("in time").expect("an answer");
        assert_ne!(read, 0, "the connection ended behind {}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&part[..read]);
    }
    String::from_utf8(answer).expect("text")
}

#[tokio::test]
async fn http_1_and_2_are_spoken_over_tls_as_the_client_wants() {
    let certificate = Certificate::new();
    let server = certificate.serve(&[]).await;
    for protocols in [&[][..], &["http/1.1"]] {
        let mut stream = connect(&server, &certificate.der, protocols).await;
        let answer = query_viewer(&mut stream, &server.key).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("API_KEY"), "{answer}");
    }
    let stream = connect(&server, &certificate.der, &["h2", "http/1.1"]).await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut client, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
    let talking = TaskTracker::new().spawn(connection);
    let request = axum::http::Request::post("https://localhost/graphql")
        .header("Authorization", format!("Bearer {}", server.key))
        .header("Content-Type", "application/json");
    let (answer, mut body) = client.send_request(request.body(()).expect("a request"), false).expect("sent");
    body.send_data(Bytes::from_static(QUERY.as_bytes()), true).expect("sent");
    let mut answer = timeout(TEST_TIMEOUT, answer).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), 200);
    let told = answer.body_mut().data().await.expect("a body").expect("data");
    assert!(String::from_utf8_lossy(&told).contains("API_KEY"));
    talking.abort();
}

#[tokio::test]
async fn sockets_are_opened_over_tls() {
    let certificate = Certificate::new();
    let server = certificate.serve(&[]).await;
    let stream = connect(&server, &certificate.der, &["http/1.1"]).await;
    let opened = tokio_tungstenite::client_async(upgrade_to(&server.url), stream).await;
    let (mut socket, _) = opened.expect("a socket");
    let init = json!({"type": "connection_init", "payload": {"Authorization": format!("Bearer {}", server.key)}});
    socket.send(Message::text(init.to_string())).await.expect("sent");
    let answer = timeout(TEST_TIMEOUT, socket.next()).await.expect("in time").expect("open").expect("a message");
    assert!(answer.to_text().expect("text").contains("connection_ack"), "{answer}");
}

#[tokio::test]
async fn a_new_certificate_is_served_once_the_operator_says_so() {
    let mut certificate = Certificate::new();
    let server = certificate.serve(&[]).await;
    let mut old = connect(&server, &certificate.der, &["http/1.1"]).await;
    certificate.renew();
    assert!(
        try_connect(&server, &certificate.der, &[]).await.is_err(),
        "the new certificate is in use without a reload"
    );
    server.signal("HUP");
    wait_for("the new certificate", async || try_connect(&server, &certificate.der, &[]).await.ok()).await;
    query_viewer(&mut old, &server.key).await;
    // An invalid key file is not loaded.
    std::fs::write(certificate.file("key.pem"), "nonsense").expect("written");
    server.signal("HUP");
    wait_for("an error in the log", async || server.log.text().contains("--tls-key").then_some(())).await;
    connect(&server, &certificate.der, &[]).await;
}

#[tokio::test]
async fn a_connection_without_a_handshake_times_out_and_is_counted() {
    let certificate = Certificate::new();
    let limits = ["--head-timeout-seconds", "2", "--max-connections-per-address", "2"];
    let server = certificate.serve(&limits).await;
    let mut said = [const { Vec::new() }; 3];
    let mut streams = Vec::new();
    for _ in 0..2 {
        streams.push(TcpStream::connect(address(&server)).await.expect("a connection"));
    }
    let mut third = TcpStream::connect(address(&server)).await.expect("a connection");
    // A reset also ends the connection.
    let _ = timeout(TEST_TIMEOUT, third.read_to_end(&mut said[2])).await.expect("refused");
    for (stream, said) in streams.iter_mut().zip(&mut said) {
        let _ = timeout(TEST_TIMEOUT, stream.read_to_end(said)).await.expect("the server closes the connection");
    }
    assert!(said.iter().all(Vec::is_empty), "{said:?}");
    wait_for("a free connection", async || try_connect(&server, &certificate.der, &[]).await.ok()).await;
}

#[tokio::test]
async fn files_of_no_use_end_the_start_with_a_clear_sentence() {
    let (certificate, other) = (Certificate::new(), Certificate::new());
    let database = TestDatabase::new().await;
    let path = |of: &Certificate, name| of.file(name).display().to_string();
    let (good, key) = (path(&certificate, "certificate.pem"), path(&certificate, "key.pem"));
    for (certificate, key, sentence) in [
        (
            &*good,
            &*path(&other, "key.pem"),
            "--tls-certificate and --tls-key: the certificate and the key do not match",
        ),
        (&*key, &*key, "--tls-certificate: "),
        (&*good, &*good, "--tls-key: "),
        ("/nowhere/certificate.pem", &*key, "--tls-certificate: /nowhere/certificate.pem"),
    ] {
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--tls-certificate", certificate, "--tls-key", key];
        let output = program(&database, &arguments).output().expect("runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && told.contains(sentence), "{told}");
    }
    let output = program(&database, &["serve", "--tls-certificate", &good]).output().expect("runs");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--tls-key"), "the missing option is not named");
}
