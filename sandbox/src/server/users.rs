//! Requests about people: their devices and their keys.

use super::client::Client;
use crate::{
    ChatKind, clock,
    lock::locked,
    pairing::adv,
    phone::{account::Account, address, state::Person},
    wire::node::{Node, SERVER, attr, bytes, children, empty, error, node, result},
};

/// Returns the devices of people: for the owner the phone and its companions, for all others only the phone. Includes
/// their LIDs if the phone knows them.
pub(crate) fn devices(client: &Client, request: &Node) -> Node {
    let requested = request.get_optional_child("usync");
    let list = requested.and_then(|usync| usync.get_optional_child("list")).map(children).unwrap_or_default();
    let users = list.iter().filter_map(|requested| user(client, requested));
    let mut usync = node("usync");
    for (name, default) in [("sid", ""), ("mode", "query"), ("context", "message")] {
        let value = requested.and_then(|usync| attr(usync, name)).unwrap_or_else(|| default.to_owned());
        usync = usync.attr(name, value);
    }
    let usync = usync.children([empty("result"), node("list").children(users).build()]);
    result(request).children([usync.build()]).build()
}

/// Returns one of the requested people: by JID, or by a number whose existence is checked.
fn user(client: &Client, requested: &Node) -> Option<Node> {
    let account = &client.account;
    let number = requested.get_optional_child("contact").and_then(bytes).map(String::from_utf8_lossy);
    let exists = number.as_ref().map(|_| node("contact").attr("type", "in").build());
    let number = number.map(|number| format!("{}@{SERVER}", number.trim_start_matches('+')));
    let jid = attr(requested, "jid").or(number)?;
    let bare = jid.split('@').next().and_then(|user| user.split(':').next()).unwrap_or_default();
    let own = bare == account.number || bare == account.lid;
    let companions: Vec<u16> =
        if own { locked(&account.companions).all().map(|(device, _)| device).collect() } else { Vec::new() };
    let phone = node("device").attr("id", "0").build();
    let others = companions
        .iter()
        .map(|device| node("device").attr("id", device.to_string()).attr("key-index", device.to_string()).build());
    let mut parts = vec![node("device-list").children(std::iter::once(phone).chain(others)).build()];
    let indexes = companions.iter().map(|device| u32::from(*device)).collect();
    if own && let Ok(list) = adv::key_index_list(&account.identity, account.raw_id, indexes) {
        let now = clock::seconds(clock::now_ms()).to_string();
        parts.push(node("key-index-list").attr("ts", now).bytes(list).build());
    }
    let lid = if own {
        Some(format!("{}@lid", account.lid))
    } else {
        locked(&account.state).person(&jid).and_then(Person::lid_jid)
    };
    // The LID of a number; a LID has no further mapping.
    let lid = lid.filter(|_| !address::is_lid(&jid)).map(|lid| node("lid").attr("val", lid).build());
    let devices = node("devices").children(parts).build();
    Some(node("user").attr("jid", jid).children(std::iter::once(devices).chain(lid).chain(exists)).build())
}

/// Returns key bundles: of the phones of all people, including the owner's, and of the account's companions.
pub(crate) async fn bundles(client: &Client, request: &Node) -> Node {
    let requested = request.get_optional_child("key").map(children).unwrap_or_default();
    let mut users = Vec::with_capacity(requested.len());
    let mut peers = client.account.peers.lock().await;
    for jid in requested.iter().filter_map(|user| attr(user, "jid")) {
        let keys = match peer(client, &jid) {
            Some(name) => peers.of(&name).keys().ok(),
            None => own_companion(&client.account, &jid)
                .and_then(|device| locked(&client.account.companions).get_mut(device)?.keys()),
        };
        users.push(
            node("user").attr("jid", jid).children(keys.unwrap_or_else(|| vec![error(404, "item-not-found")])).build(),
        );
    }
    drop(peers);
    result(request).children([node("list").children(users).build()]).build()
}

/// Returns the device number of a companion of this account, given its JID by number or LID; `None` for other
/// addresses.
pub(crate) fn own_companion(account: &Account, jid: &str) -> Option<u16> {
    own_device(account, jid).filter(|device| *device != 0)
}

/// Like [`own_companion`], for any device of this account, with 0 for the phone.
pub(crate) fn own_device(account: &Account, jid: &str) -> Option<u16> {
    let (user, server) = jid.split_once('@')?;
    let (user, device) = user.split_once(':').unwrap_or((user, "0"));
    let own = match server {
        SERVER => user == account.number,
        "lid" => user == account.lid,
        _ => false,
    };
    device.parse().ok().filter(|_| own)
}

/// Returns the sender's name of a person's phone; `None` for other devices, and for other addresses.
fn peer(client: &Client, jid: &str) -> Option<String> {
    let (user, server) = jid.split_once('@')?;
    let (user, device) = user.split_once(':').unwrap_or((user, "0"));
    if device != "0" || ChatKind::of(jid) != ChatKind::Dm {
        return None;
    }
    if user == client.account.number || user == client.account.lid {
        return Some(client.account.jid());
    }
    let mut state = locked(&client.account.state);
    let jid = format!("{user}@{server}");
    state.ensure_person(&jid);
    state.person(&jid).map(Person::jid)
}
