//! Public keys behind a certificate of a private CA.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned, crypto::aws_lc_rs, pki_types::PrivateKeyDer};

use super::{
    fixture::{LoginServer, issuer, valid_token},
    frontend::made,
};
use crate::support::{TestDatabase, program};

/// Starts a key server on its own thread, and writes its certificate into `folder`. Returns the URL of the keys and the
/// certificate's file.
fn start(folder: &Path) -> (String, PathBuf) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let file = folder.join(format!("{port}.pem"));
    std::fs::write(&file, made.cert.pem()).expect("written");
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a configuration");
    let config = Arc::new(config);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let stream = StreamOwned::new(connection, stream.expect("a stream"));
            // A client that does not trust the certificate closes the connection.
            drop(answer(stream));
        }
    });
    (format!("https://localhost:{port}/jwks"), file)
}

fn answer(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>) -> std::io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let keys = made()["jwks"].to_string();
    write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{keys}", keys.len())?;
    stream.flush()
}

#[tokio::test]
async fn keys_of_a_private_ca_are_accepted_if_the_ca_is_configured() {
    let folder = tempfile::tempdir().expect("a folder");
    let ((url, own), (_, another)) = (start(folder.path()), start(folder.path()));
    let issuer = issuer();
    let login = ["--jwks-url", &url, "--jwt-issuer", &issuer, "--jwt-audience", "chatgraph"];
    for (file, taken) in [(Some(&own), true), (Some(&another), false), (None, false)] {
        let named = file.map(|file| ["--jwks-ca-file", file.to_str().expect("text")]);
        let server =
            LoginServer::with(&[&login[..], named.as_ref().map_or(&[][..], |named| &named[..])].concat()).await;
        assert_eq!(server.takes(&valid_token()).await, taken, "{file:?}");
    }
}

#[tokio::test]
async fn a_file_without_a_ca_ends_the_program_at_its_start() {
    let (database, folder) = (TestDatabase::new().await, tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "nothing").expect("written");
    let file = file.to_str().expect("text");
    let serve = ["serve", "--jwks-url", "https://localhost/jwks", "--jwt-issuer", "i", "--jwt-audience", "a"];
    let serve = [&serve[..], &["--jwks-ca-file", file]].concat();
    let refused = program(&database, &serve).output().expect("runs");
    let error = String::from_utf8(refused.stderr).expect("text");
    assert!(!refused.status.success() && error.contains("--jwks-ca-file") && error.contains(file), "{error}");
}
