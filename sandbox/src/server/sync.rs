//! App-state requests: fetching and uploading patches.

use std::time::Duration;

use tokio::time::sleep;
use whatsapp_rust::{buffa::Message, wacore::download::MediaType, waproto::whatsapp::ExternalBlobReference};

use super::client::Client;
use crate::{
    Error, Fault, FaultKind, On, Part, When,
    lock::locked,
    phone::{app_state::Rejected, competing_patch},
    storage::media::Media,
    wire::node::{Node, attr, child_bytes, children, error, node, number, result},
};

/// Answers each requested collection exactly once, unless a fault closes the connection.
pub(crate) async fn answer(client: &Client, request: &Node) {
    let requested = request.get_optional_child("sync").map(children).unwrap_or_default();
    let mut answers = Vec::with_capacity(requested.len());
    let (mut served, mut cut) = (Vec::new(), None);
    for collection in requested.iter().filter(|child| child.tag == "collection") {
        let name = attr(collection, "name").unwrap_or_default();
        let base = number(collection, "version").unwrap_or(0);
        let patch = child_bytes(collection, "patch");
        // A client that is out of sync requests the whole collection, and may name the version of the loss.
        let whole = attr(collection, "return_snapshot").as_deref() == Some("true");
        let base = if whole && patch.is_none() { 0 } else { base };
        let mut corrupted = None;
        match apply_fault(client, &name, base, if patch.is_some() { On::Upload } else { On::Fetch }).await {
            FaultEffect::Nothing => {}
            FaultEffect::Refused => {
                answers.push(failed(&name, 400, "bad-request", Vec::new()));
                continue;
            }
            FaultEffect::Corrupted(part) => corrupted = Some(part),
            FaultEffect::Cut(When::Before) => return client.outlet.cut(),
            FaultEffect::Cut(when) => cut = Some(when),
        }
        if let Some(patch) = patch {
            answers.push(upload(client, &name, base, patch));
        } else {
            answers.push(fetch(client, &name, base, corrupted));
            served.push(name);
        }
    }
    let answer = result(request).children([node("sync").children(answers).build()]).build();
    match cut {
        None => {
            client.outlet.send(answer);
            fetched(client, served);
        }
        Some(When::During) => client.outlet.cut_within(answer),
        Some(When::Before | When::After) => client.outlet.cut(),
    }
    client.account.notify();
}

/// Records the collections that the companion has fetched.
fn fetched(client: &Client, collections: Vec<String>) {
    if let Some(companion) = locked(&client.account.companions).get_mut(client.device) {
        companion.fetched.extend(collections);
    }
}

enum FaultEffect {
    Nothing,
    Refused,
    Corrupted(Part),
    Cut(When),
}

/// Applies the next fault for this request.
async fn apply_fault(client: &Client, collection: &str, base: u64, on: On) -> FaultEffect {
    let has_something = locked(&client.account.app_state).version(collection).is_some_and(|version| version > base);
    let fault = locked(&client.server.faults).apply_fault(&client.account.number, collection, on, has_something);
    let Some(Fault { kind, ms, when, part, .. }) = fault else { return FaultEffect::Nothing };
    client.note(format!("fault: {kind:?} on {collection}"));
    match kind {
        FaultKind::Conflict => {
            if let Err(error) = competing_patch::write(&client.account, collection) {
                client.note(format!("no conflict: {error}"));
            }
            FaultEffect::Nothing
        }
        FaultKind::Delay => {
            tokio::select! {
                () = sleep(Duration::from_millis(ms.unwrap_or(1000))) => FaultEffect::Nothing,
                () = client.server.services.stop.cancelled() => FaultEffect::Cut(When::Before),
            }
        }
        FaultKind::Refuse => FaultEffect::Refused,
        FaultKind::Cut => FaultEffect::Cut(when.unwrap_or(When::Before)),
        FaultKind::Lthash => FaultEffect::Corrupted(part.unwrap_or(Part::Patch)),
    }
}

fn upload(client: &Client, name: &str, base: u64, patch: &[u8]) -> Node {
    match client.account.upload(client.device, name, base, patch) {
        Ok(version) => node("collection").attr("name", name).attr("version", version.to_string()).build(),
        Err(Rejected::Conflict { .. }) => {
            let missed = locked(&client.account.app_state).patches_above(name, base);
            failed(name, 409, "conflict", missed)
        }
        Err(rejected) => {
            tracing::warn!(phone = client.account.number, collection = name, error = %rejected, "Rejected a patch");
            client.note(format!("rejected a patch for {name}: {rejected}"));
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

/// Returns the data after version `from`: a snapshot, or some patches; with a wrong MAC if it is `corrupted`.
fn fetch(client: &Client, name: &str, from: u64, corrupted: Option<Part>) -> Node {
    let mut app_state = locked(&client.account.app_state);
    let Some(version) = app_state.version(name) else {
        return failed(name, 404, "item-not-found", Vec::new());
    };
    let keep = |whole: &[u8]| store(&client.server.services.media, whole);
    let content = match corrupted {
        None if from == 0 => app_state.snapshot(name, keep).map(|place| place.map(snapshot)),
        Some(_) if from == 0 => app_state.corrupted_snapshot(name, keep).map(|place| place.map(snapshot)),
        None => Ok(Some(app_state.patches_above(name, from)).filter(|missed| !missed.is_empty()).map(patches)),
        Some(part) => app_state.corrupted_patches_above(name, from, part).map(patches).map(Some),
    };
    drop(app_state);
    let collection = node("collection").attr("name", name).attr("version", version.to_string());
    match content {
        Ok(Some(content)) => collection.children([content]).build(),
        Ok(None) => collection.build(),
        Err(error) => {
            client.note(format!("the notification of {name} failed: {error}"));
            failed(name, 500, "internal-server-error", Vec::new())
        }
    }
}

fn snapshot(place: Vec<u8>) -> Node {
    node("snapshot").bytes(place).build()
}

/// Stores a snapshot as a blob, and returns its reference.
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
