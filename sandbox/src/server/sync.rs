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
    let asked = request.get_optional_child("sync").map(children).unwrap_or_default();
    let mut answers = Vec::with_capacity(asked.len());
    let (mut told, mut cut) = (Vec::new(), None);
    for collection in asked.iter().filter(|child| child.tag == "collection") {
        let name = attr(collection, "name").unwrap_or_default();
        let base = number(collection, "version").unwrap_or(0);
        let patch = child_bytes(collection, "patch");
        // A client that is out of sync requests the whole collection, and may name the version of the loss.
        let whole = attr(collection, "return_snapshot").as_deref() == Some("true");
        let base = if whole && patch.is_none() { 0 } else { base };
        let mut spoiled = None;
        match strike(client, &name, base, if patch.is_some() { On::Upload } else { On::Fetch }).await {
            Struck::Nothing => {}
            Struck::Refused => {
                answers.push(failed(&name, 400, "bad-request", Vec::new()));
                continue;
            }
            Struck::Spoiled(part) => spoiled = Some(part),
            Struck::Cut(When::Before) => return client.link.cut(),
            Struck::Cut(when) => cut = Some(when),
        }
        if let Some(patch) = patch {
            answers.push(upload(client, &name, base, patch));
        } else {
            answers.push(fetch(client, &name, base, spoiled));
            told.push(name);
        }
    }
    let answer = result(request).children([node("sync").children(answers).build()]).build();
    match cut {
        None => {
            client.link.send(answer);
            fetched(client, told);
        }
        Some(When::During) => client.link.cut_within(answer),
        Some(When::Before | When::After) => client.link.cut(),
    }
    client.account.notify();
}

/// Records the collections that the companion has fetched.
fn fetched(client: &Client, collections: Vec<String>) {
    if let Some(companion) = locked(&client.account.companions).get_mut(client.device) {
        companion.fetched.extend(collections);
    }
}

enum Struck {
    Nothing,
    Refused,
    Spoiled(Part),
    Cut(When),
}

/// Applies the next fault for this request.
async fn strike(client: &Client, collection: &str, base: u64, on: On) -> Struck {
    let has_something = locked(&client.account.ledger).version(collection).is_some_and(|version| version > base);
    let fault = locked(&client.server.faults).strike(&client.account.number, collection, on, has_something);
    let Some(Fault { kind, ms, when, part, .. }) = fault else { return Struck::Nothing };
    client.note(format!("fault: {kind:?} on {collection}"));
    match kind {
        FaultKind::Conflict => {
            if let Err(error) = competing_patch::write(&client.account, collection) {
                client.note(format!("no conflict: {error}"));
            }
            Struck::Nothing
        }
        FaultKind::Delay => {
            tokio::select! {
                () = sleep(Duration::from_millis(ms.unwrap_or(1000))) => Struck::Nothing,
                () = client.server.services.stop.cancelled() => Struck::Cut(When::Before),
            }
        }
        FaultKind::Refuse => Struck::Refused,
        FaultKind::Cut => Struck::Cut(when.unwrap_or(When::Before)),
        FaultKind::Lthash => Struck::Spoiled(part.unwrap_or(Part::Patch)),
    }
}

fn upload(client: &Client, name: &str, base: u64, patch: &[u8]) -> Node {
    match client.account.upload(client.device, name, base, patch) {
        Ok(version) => node("collection").attr("name", name).attr("version", version.to_string()).build(),
        Err(Rejected::Conflict { .. }) => {
            let missed = locked(&client.account.ledger).patches_above(name, base);
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

/// Returns the data after version `from`: a snapshot, or some patches; with a wrong MAC if it is `spoiled`.
fn fetch(client: &Client, name: &str, from: u64, spoiled: Option<Part>) -> Node {
    let mut ledger = locked(&client.account.ledger);
    let Some(version) = ledger.version(name) else {
        return failed(name, 404, "item-not-found", Vec::new());
    };
    let keep = |whole: &[u8]| store(&client.server.services.media, whole);
    let content = match spoiled {
        None if from == 0 => ledger.snapshot(name, keep).map(|place| place.map(snapshot)),
        Some(_) if from == 0 => ledger.spoiled_snapshot(name, keep).map(|place| place.map(snapshot)),
        None => Ok(Some(ledger.patches_above(name, from)).filter(|missed| !missed.is_empty()).map(patches)),
        Some(part) => ledger.spoiled_patches_above(name, from, part).map(patches).map(Some),
    };
    drop(ledger);
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
