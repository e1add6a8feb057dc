//! A frontend that serves its public keys, and the tokens from `tests/jose/make.mjs`. The library's own tests use this
//! file, too.

use std::{
    future::IntoFuture as _,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse as _, Response},
    routing::get,
};
use futures_util::stream;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

/// Returns the keys and tokens that jose made.
pub(crate) fn made() -> Value {
    serde_json::from_str(include_str!("../../jose/tokens.json")).expect("JSON")
}

/// Response of the frontend to a request for its keys.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This key set.
    Json(Value),
    /// This key set after a delay.
    Late(Value),
    /// A key set, padded to this length.
    Padded(Value, usize),
    /// This status with the key set.
    Status(u16, Value),
    /// A redirect to the key set.
    Redirect,
    /// One byte now and then, without an end.
    Drip,
    /// No response.
    Silence,
}

/// The frontend that signs the tokens.
pub(crate) struct Frontend {
    pub(crate) url: String,
    shared: Arc<Shared>,
    stop: CancellationToken,
    serving: Option<JoinHandle<()>>,
}

struct Shared {
    answer: Mutex<Answer>,
    asked: AtomicUsize,
    followed: AtomicUsize,
}

impl Frontend {
    /// Starts with this response, on its own thread, so it responds while the test blocks.
    pub(crate) fn start(answer: Answer) -> Self {
        let shared = Shared { answer: Mutex::new(answer), asked: AtomicUsize::new(0), followed: AtomicUsize::new(0) };
        let (shared, stop) = (Arc::new(shared), CancellationToken::new());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let url = format!("http://{}/jwks", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/jwks", get(answer_keys)).route("/moved", get(answer_moved));
        let (routes, stopped) = (routes.with_state(Arc::clone(&shared)), stop.clone());
        let serving = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                stopped.run_until_cancelled(axum::serve(listener, routes).into_future()).await
            });
        });
        Self { url, shared, stop, serving: Some(serving) }
    }

    /// Starts with jose's key set.
    pub(crate) fn with_keys() -> Self {
        Self::start(Answer::Json(made()["jwks"].clone()))
    }

    /// Responds with this from now on.
    pub(crate) fn answers(&self, answer: Answer) {
        *self.shared.answer.lock().expect("unpoisoned") = answer;
    }

    /// Returns the number of requests for the keys.
    pub(crate) fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Returns the number of redirects that were followed.
    pub(crate) fn followed(&self) -> usize {
        self.shared.followed.load(Ordering::SeqCst)
    }

    /// Stops: connections to its address are refused from now on.
    pub(crate) fn stop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = self.serving.take() {
            serving.join().expect("no panic");
        }
    }
}

impl Drop for Frontend {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer_keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let answer = shared.answer.lock().expect("unpoisoned").clone();
    match answer {
        Answer::Json(keys) => axum::Json(keys).into_response(),
        Answer::Late(keys) => {
            tokio::time::sleep(Duration::from_millis(300)).await;
            axum::Json(keys).into_response()
        }
        Answer::Padded(keys, length) => {
            let keys = keys.to_string();
            format!("{keys}{}", " ".repeat(length - keys.len())).into_response()
        }
        Answer::Status(status, keys) => {
            (StatusCode::from_u16(status).expect("a status"), axum::Json(keys)).into_response()
        }
        Answer::Redirect => (StatusCode::FOUND, [(LOCATION, "/moved")]).into_response(),
        Answer::Drip => Body::from_stream(stream::unfold((), async |()| {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        }))
        .into_response(),
        Answer::Silence => std::future::pending().await,
    }
}

async fn answer_moved(State(shared): State<Arc<Shared>>) -> Response {
    shared.followed.fetch_add(1, Ordering::SeqCst);
    axum::Json(made()["jwks"].clone()).into_response()
}
