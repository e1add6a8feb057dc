//! A session with WhatsApp accepts only a server that proves to be WhatsApp, whatever its database was used for before.

use std::time::Duration;

use tokio::{sync::mpsc, time::sleep};

use super::{
    super::{
        account_check::ExpectedAccount,
        backend::BackendPool,
        client::{self, ConnectTarget},
        event_queue::queue,
        sandbox,
        socket::Socket,
    },
    fixture::{Fixture, soon},
};
use crate::{
    clock::SystemClock,
    session::{
        Endpoint,
        connection::{Connection as _, ConnectionEvent, DisconnectReason, EventSinks},
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_with_whatsapp_refuses_the_sandboxs_server() {
    let rig = Fixture::new().await;
    let (sink, items) = queue(rig.config.commit_timeout, crate::session::SessionMetrics::default());
    let memory = BackendPool::new(rig.test.store.clone()).open(&rig.key, sink.clone()).await.unwrap();
    drop(ConnectTarget::to(&rig.config.endpoint, memory.as_ref()).await.unwrap());
    let way = ConnectTarget::to(&Endpoint::WhatsApp, memory.as_ref()).await.unwrap();
    let address = rig.sandbox.url().replace("http://", "");
    // The connection is redirected, as by a malicious name server.
    let way = ConnectTarget { socket: Socket::to_sandbox(&address), version: Some(sandbox::VERSION), ..way };
    let (sender, _events) = mpsc::channel(256);
    let (signals, mut heard) = mpsc::channel(64);
    let built = client::build(
        &rig.config,
        memory,
        sink,
        items,
        way,
        ExpectedAccount::new(None, None),
        EventSinks { sender, signals },
    );
    let connection = built.await.unwrap().run(&rig.config, std::sync::Arc::new(SystemClock), &rig.tasks);

    let noted = |what: &str| rig.sandbox.log().iter().filter(|entry| entry.text.contains(what)).count();
    let refused = async {
        while noted("rejected by a client: the certificate is not signed") < 1 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    soon("the refusal", refused).await;

    assert_eq!(noted("accepted a certificate"), 0);
    assert_eq!(
        soon("the end", heard.recv()).await,
        Some(ConnectionEvent::Ended(DisconnectReason::Dropped)),
        "the connection is dropped"
    );
    connection.disconnect().await;
    drop(connection);
    rig.stop().await;
}
