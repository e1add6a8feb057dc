//! A session with WhatsApp accepts only a server that proves to be WhatsApp, whatever its database was used for before.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::super::account_check::Owner;
use super::super::backend::Backends;
use super::super::client;
use super::super::client::Way;
use super::super::event_queue::queue;
use super::super::sandbox;
use super::super::socket::Socket;
use super::fixture::Rig;
use super::fixture::soon;
use crate::clock::SystemClock;
use crate::session::Endpoint;
use crate::session::connection::Ending;
use crate::session::connection::Outlets;
use crate::session::connection::Session as _;
use crate::session::connection::Signal;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_whatsapp_refuses_the_sandboxs_server() {
    let rig = Rig::new().await;
    let (ears, items) = queue(rig.config.commit_timeout, crate::session::Events::default());
    let memory = Backends::new(rig.test.store.clone()).open(&rig.key, ears.clone()).await.unwrap();
    drop(Way::to(&rig.config.endpoint, memory.as_ref()).await.unwrap());
    let way = Way::to(&Endpoint::WhatsApp, memory.as_ref()).await.unwrap();
    let address = rig.sandbox.url().replace("http://", "");
    // The connection is redirected, as by a malicious name server.
    let way = Way { socket: Socket::to_sandbox(&address), version: Some(sandbox::VERSION), ..way };
    let (lane, _events) = mpsc::channel(256);
    let (signals, mut heard) = mpsc::channel(64);
    let built =
        client::build(&rig.config, memory, (ears, items), way, Owner::new(None, None), Outlets { lane, signals });
    let connection = built.await.unwrap().run(&rig.config, std::sync::Arc::new(SystemClock), &rig.tasks);

    let noted = |what: &str| rig.sandbox.log().iter().filter(|entry| entry.text.contains(what)).count();
    let refused = async {
        while noted("rejected by a client: the certificate is not signed") < 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the refusal", refused).await;

    assert_eq!(noted("accepted a certificate"), 0);
    assert_eq!(soon("the end", heard.recv()).await, Some(Signal::Ended(Ending::Dropped)), "the connection is dropped");
    connection.disconnect().await;
    drop(connection);
    rig.stop().await;
}
