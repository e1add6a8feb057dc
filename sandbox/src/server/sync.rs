//! App-state requests: a companion fetches what it has not seen, or uploads a patch of its own.

use std::time::Duration;

use tokio::time::sleep;
use whatsapp_rust::{buffa::Message, wacore::download::MediaType, waproto::whatsapp::ExternalBlobReference};

use super::{media::Media, router::Seat};
use crate::{
    Error, Fault, FaultKind, locked,
    phone::{interfere, ledger::Rejected},
    wire::node::{Node, attr, child_bytes, children, error, node, number, result},
};

/// Answers each collection asked for exactly once.
pub(crate) async fn answer(seat: &Seat, request: &Node) {
    let asked = request.get_optional_child("sync").map(children).unwrap_or_default();
    let mut answers = Vec::with_capacity(asked.len());
    for collection in asked.iter().filter(|child| child.tag == "collection") {
        let name = attr(collection, "name").unwrap_or_default();
        let base = number(collection, "version").unwrap_or(0);
        let Some(patch) = child_bytes(collection, "patch") else {
            answers.push(fetch(seat, &name, base));
            continue;
        };
        match strike(seat, &name).await {
            Struck::Nothing => answers.push(upload(seat, &name, base, patch)),
            Struck::Refused => answers.push(failed(&name, 400, "bad-request", Vec::new())),
            Struck::Cut => return seat.link.cut(),
        }
    }
    seat.link.send(result(request).children([node("sync").children(answers).build()]).build());
    seat.account.notify();
}

enum Struck {
    Nothing,
    Refused,
    Cut,
}

/// Lets the next fault meant for this upload strike.
async fn strike(seat: &Seat, collection: &str) -> Struck {
    let fault = locked(&seat.server.faults).strike(&seat.account.number, collection);
    let Some(Fault { kind, ms, .. }) = fault else { return Struck::Nothing };
    seat.note(format!("fault: {kind:?} on {collection}"));
    match kind {
        FaultKind::Conflict => {
            if let Err(error) = interfere::write(&seat.account, collection) {
                seat.note(format!("no conflict: {error}"));
            }
            Struck::Nothing
        }
        FaultKind::Delay => {
            tokio::select! {
                () = sleep(Duration::from_millis(ms.unwrap_or(1000))) => Struck::Nothing,
                () = seat.server.stop.cancelled() => Struck::Cut,
            }
        }
        FaultKind::Refuse => Struck::Refused,
        FaultKind::Cut => Struck::Cut,
    }
}

fn upload(seat: &Seat, name: &str, base: u64, patch: &[u8]) -> Node {
    match seat.account.upload(seat.device, name, base, patch) {
        Ok(version) => node("collection").attr("name", name).attr("version", version.to_string()).build(),
        Err(Rejected::Conflict { .. }) => {
            let missed = locked(&seat.account.ledger).patches_above(name, base);
            failed(name, 409, "conflict", missed)
        }
        Err(rejected) => {
            tracing::warn!(phone = seat.account.number, collection = name, error = %rejected, "A patch was refused");
            seat.note(format!("refused a patch for {name}: {rejected}"));
            failed(name, 400, "bad-request", Vec::new())
        }
    }
}

fn failed(name: &str, code: u16, text: &str, missed: Vec<Vec<u8>>) -> Node {
    let mut parts = vec![error(code, text)];
    if !missed.is_empty() {
        parts.push(patches(missed));
    }
    node("collection").attr("name", name).attr("type", "error").children(parts).build()
}

fn patches(patches: Vec<Vec<u8>>) -> Node {
    node("patches").children(patches.into_iter().map(|patch| node("patch").bytes(patch).build())).build()
}

/// What a companion at version `from` is missing: all of it as a snapshot, or some patches.
fn fetch(seat: &Seat, name: &str, from: u64) -> Node {
    let mut ledger = locked(&seat.account.ledger);
    let Some(version) = ledger.version(name) else {
        return failed(name, 404, "item-not-found", Vec::new());
    };
    let mut collection = node("collection").attr("name", name).attr("version", version.to_string());
    if from == 0 {
        match ledger.snapshot(name, |whole| store(&seat.server.media, whole)) {
            Ok(Some(place)) => collection = collection.children([node("snapshot").bytes(place).build()]),
            Ok(None) => {}
            Err(error) => {
                seat.note(format!("no snapshot of {name}: {error}"));
                return failed(name, 500, "internal-server-error", Vec::new());
            }
        }
    } else if from < version {
        collection = collection.children([patches(ledger.patches_above(name, from))]);
    }
    drop(ledger);
    if let Some(companion) = locked(&seat.account.companions).get_mut(seat.device) {
        companion.fetched.insert(name.to_owned());
    }
    collection.build()
}

/// Puts a snapshot where blobs are, and says where that is.
fn store(media: &Media, whole: &[u8]) -> Result<Vec<u8>, Error> {
    let blob = media.store(whole, MediaType::AppState)?;
    let reference = ExternalBlobReference {
        media_key: Some(blob.key),
        direct_path: Some(blob.path),
        file_size_bytes: Some(blob.length),
        file_sha256: Some(blob.sha256),
        file_enc_sha256: Some(blob.encrypted_sha256),
        ..Default::default()
    };
    Ok(reference.encode_to_vec())
}
