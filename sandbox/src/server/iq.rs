//! Requests of a companion. Every request is answered: a client waits 75 seconds for an answer, and does not detect a
//! dead connection meanwhile. Unsupported requests are rejected, so that no client assumes their success.

use super::{groups, pictures, prekeys::Prekeys, privacy, router::Seat, sync, users};
use crate::{
    clock, crypto, locked,
    phone::bootstrap,
    wire::node::{Node, attr, children, node, refusal, result},
};

/// Answers one request.
pub(crate) async fn answer(seat: &Seat, request: &Node) {
    let kind = attr(request, "type").unwrap_or_default();
    let namespace = attr(request, "xmlns").unwrap_or_default();
    let child = children(request).first().map(|child| child.tag.to_string()).unwrap_or_default();
    match (kind.as_str(), namespace.as_str(), child.as_str()) {
        ("set", "passive", "active") => {
            seat.ok(request);
            seat.activate();
            // Its keys may have arrived just before the sandbox was stopped.
            settle(seat).await;
        }
        ("set", "encrypt", "rotate") => rotate(seat, request),
        ("set", "encrypt", _) => upload(seat, request).await,
        ("get", "encrypt", "count") => count(seat, request),
        ("get", "encrypt", "digest") => digest(seat, request),
        ("get", "encrypt", "key") => seat.link.send(users::bundles(seat, request).await),
        ("get", "usync", _) => seat.link.send(users::devices(seat, request)),
        ("set", "w:sync:app:state", _) => sync::answer(seat, request).await,
        ("set" | "get", "w:m", "media_conn") => seat.link.send(media_hosts(request)),
        ("get", "abt", _) => {
            let props = node("props").attr("protocol", "1").attr("hash", "0").attr("refresh", "86400");
            seat.link.send(result(request).children([props.build()]).build());
        }
        ("get", "blocklist", _) => seat.link.send(privacy::blocked(seat, request)),
        ("set", "blocklist", "item") => privacy::block(seat, request).await,
        ("get", "w:profile:picture", _) => seat.link.send(pictures::show(seat, request)),
        ("set", "w:profile:picture", _) => pictures::set(seat, request).await,
        ("get", "privacy", _) => seat.link.send(privacy::settings(seat, request)),
        ("set", "privacy", "privacy") => privacy::set(seat, request).await,
        // The tokens are not used here, and nothing is ever marked dirty.
        ("set", "privacy", "tokens") | ("set", "urn:xmpp:whatsapp:dirty", "clean") => seat.ok(request),
        ("get", "w:p", _) => {
            seat.link.send(result(request).attr("t", clock::seconds(clock::now_ms()).to_string()).build());
        }
        ("get", "w:g2", "query" | "participating") => seat.link.send(groups::show(seat, request)),
        ("set", "w:g2", child) if groups::CHANGES.contains(&child) => groups::change(seat, request).await,
        ("set", "md", "remove-companion-device") => {
            seat.ok(request);
            locked(&seat.account.companions).remove(seat.device);
            seat.account.devices_changed("remove", &[seat.device]);
            seat.account.notify();
            seat.note("logged out");
        }
        _ => {
            seat.note(format!("unsupported request: {kind} {namespace} <{child}>"));
            seat.link.send(refusal(request, 501, "feature-not-implemented"));
        }
    }
}

/// Stores the keys for messages to this companion. After the first upload it is sent the app-state key and the history.
async fn upload(seat: &Seat, request: &Node) {
    let Some(keys) = Prekeys::read(request) else {
        return seat.link.send(refusal(request, 400, "bad-request"));
    };
    {
        let mut companions = locked(&seat.account.companions);
        let Some(companion) = companions.get_mut(seat.device) else { return };
        if !keys.belongs_to(&companion.identity) {
            drop(companions);
            seat.note("rejected: keys of a different identity than the paired one");
            return seat.link.send(refusal(request, 406, "not-acceptable"));
        }
        match &mut companion.prekeys {
            Some(earlier) => earlier.merge(keys),
            none => *none = Some(keys),
        }
    }
    seat.ok(request);
    settle(seat).await;
}

async fn settle(seat: &Seat) {
    if let Err(error) = bootstrap::settle(&seat.account, &seat.server.media, seat.device).await {
        tracing::error!(phone = seat.account.number, %error, "Sending the history to a companion failed");
        seat.note(format!("the history cannot be sent: {error}"));
    }
}

fn rotate(seat: &Seat, request: &Node) {
    let mut companions = locked(&seat.account.companions);
    let keys = companions.get_mut(seat.device).and_then(|companion| companion.prekeys.as_mut());
    let rotated = keys.zip(request.get_optional_child("rotate")).is_some_and(|(keys, rotate)| keys.rotate(rotate));
    drop(companions);
    if rotated { seat.ok(request) } else { seat.link.send(refusal(request, 400, "bad-request")) }
}

fn count(seat: &Seat, request: &Node) {
    let companions = locked(&seat.account.companions);
    let keys = companions.get(seat.device).and_then(|companion| companion.prekeys.as_ref());
    let left = keys.map_or(0, Prekeys::left);
    let count = node("count").attr("value", left.to_string()).build();
    seat.link.send(result(request).children([count]).build());
}

/// Returns the digest of the uploaded keys. With "not found" the client uploads all of them again.
fn digest(seat: &Seat, request: &Node) {
    let companions = locked(&seat.account.companions);
    let keys = companions.get(seat.device).and_then(|companion| companion.prekeys.as_ref());
    let digest = keys.map(Prekeys::digest);
    drop(companions);
    seat.link.send(match digest {
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
