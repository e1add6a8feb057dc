//! Requests of a companion. Every request is answered: a client waits 75 seconds for an answer, and does not detect a
//! dead connection meanwhile. Unsupported requests are rejected, so that no client assumes their success.

use super::{client::Client, groups, pictures, privacy, sync, users};
use crate::{
    clock,
    companion::prekeys::Prekeys,
    crypto,
    lock::locked,
    phone::bootstrap,
    wire::node::{Node, attr, children, node, refusal, result},
};

/// Answers one request.
pub(crate) async fn answer(client: &Client, request: &Node) {
    let kind = attr(request, "type").unwrap_or_default();
    let namespace = attr(request, "xmlns").unwrap_or_default();
    let child = children(request).first().map(|child| child.tag.to_string()).unwrap_or_default();
    match (kind.as_str(), namespace.as_str(), child.as_str()) {
        ("set", "passive", "active") => {
            client.ok(request);
            client.activate();
            // Its keys may have arrived just before the sandbox was stopped.
            send_bootstrap(client).await;
        }
        ("set", "encrypt", "rotate") => rotate(client, request),
        ("set", "encrypt", _) => upload(client, request).await,
        ("get", "encrypt", "count") => count(client, request),
        ("get", "encrypt", "digest") => digest(client, request),
        ("get", "encrypt", "key") => client.outlet.send(users::bundles(client, request).await),
        ("get", "usync", _) => client.outlet.send(users::devices(client, request)),
        ("set", "w:sync:app:state", _) => sync::answer(client, request).await,
        ("set" | "get", "w:m", "media_conn") => client.outlet.send(media_hosts(request)),
        ("get", "abt", _) => {
            let props = node("props").attr("protocol", "1").attr("hash", "0").attr("refresh", "86400");
            client.outlet.send(result(request).children([props.build()]).build());
        }
        ("get", "blocklist", _) => client.outlet.send(privacy::blocked(client, request)),
        ("set", "blocklist", "item") => privacy::block(client, request).await,
        ("get", "w:profile:picture", _) => client.outlet.send(pictures::show(client, request)),
        ("set", "w:profile:picture", _) => pictures::set(client, request).await,
        ("get", "privacy", _) => client.outlet.send(privacy::settings(client, request)),
        ("set", "privacy", "privacy") => privacy::set(client, request).await,
        // The tokens are not used here, and nothing is ever marked dirty.
        ("set", "privacy", "tokens") | ("set", "urn:xmpp:whatsapp:dirty", "clean") => client.ok(request),
        ("get", "w:p", _) => {
            client.outlet.send(result(request).attr("t", clock::seconds(clock::now_ms()).to_string()).build());
        }
        ("get", "w:g2", "query" | "participating") => client.outlet.send(groups::show(client, request)),
        ("set", "w:g2", child) if groups::CHANGES.contains(&child) => groups::change(client, request).await,
        ("set", "md", "remove-companion-device") => {
            client.ok(request);
            locked(&client.account.companions).remove(client.device);
            client.account.devices_changed("remove", &[client.device]);
            client.account.notify();
            client.note("logged out");
        }
        _ => {
            client.note(format!("unsupported request: {kind} {namespace} <{child}>"));
            client.outlet.send(refusal(request, 501, "feature-not-implemented"));
        }
    }
}

/// Stores the keys for messages to this companion. After the first upload it is sent the app-state key and the history.
async fn upload(client: &Client, request: &Node) {
    let Some(keys) = Prekeys::read(request) else {
        return client.outlet.send(refusal(request, 400, "bad-request"));
    };
    {
        let mut companions = locked(&client.account.companions);
        let Some(companion) = companions.get_mut(client.device) else { return };
        if !keys.belongs_to(&companion.identity) {
            drop(companions);
            client.note("rejected: keys of a different identity than the paired one");
            return client.outlet.send(refusal(request, 406, "not-acceptable"));
        }
        match &mut companion.prekeys {
            Some(earlier) => earlier.merge(keys),
            none => *none = Some(keys),
        }
    }
    client.ok(request);
    send_bootstrap(client).await;
}

async fn send_bootstrap(client: &Client) {
    if let Err(error) = bootstrap::send_once(&client.account, &client.server.services.media, client.device).await {
        tracing::error!(phone = client.account.number, %error, "Sending the history to a companion failed");
        client.note(format!("the history cannot be sent: {error}"));
    }
}

fn rotate(client: &Client, request: &Node) {
    let mut companions = locked(&client.account.companions);
    let keys = companions.get_mut(client.device).and_then(|companion| companion.prekeys.as_mut());
    let rotated = keys.zip(request.get_optional_child("rotate")).is_some_and(|(keys, rotate)| keys.rotate(rotate));
    drop(companions);
    if rotated { client.ok(request) } else { client.outlet.send(refusal(request, 400, "bad-request")) }
}

fn count(client: &Client, request: &Node) {
    let companions = locked(&client.account.companions);
    let keys = companions.get(client.device).and_then(|companion| companion.prekeys.as_ref());
    let left = keys.map_or(0, Prekeys::left);
    let count = node("count").attr("value", left.to_string()).build();
    client.outlet.send(result(request).children([count]).build());
}

/// Returns the digest of the uploaded keys. With "not found" the client uploads all of them again.
fn digest(client: &Client, request: &Node) {
    let companions = locked(&client.account.companions);
    let keys = companions.get(client.device).and_then(|companion| companion.prekeys.as_ref());
    let digest = keys.map(Prekeys::digest);
    drop(companions);
    client.outlet.send(match digest {
        Some(digest) => result(request).children([digest]).build(),
        None => refusal(request, 404, "item-not-found"),
    });
}

/// Returns the media host: it is never contacted, because the client's own downloader uses the sandbox.
fn media_hosts(request: &Node) -> Node {
    let host = node("host").attr("hostname", "media.invalid").build();
    let hosts = node("media_conn")
        .attr("auth", crypto::hex(b"sandbox"))
        .attr("ttl", "3600")
        .attr("auth_ttl", "3600")
        .attr("max_buckets", "12")
        .children([host]);
    result(request).children([hosts.build()]).build()
}
