//! Group requests: metadata, and changes by a companion. A change is applied to the phones of all accounts that are
//! members, and their companions are notified as of any other change.

use super::client::Client;
use crate::{
    Error, clock, crypto,
    lock::locked,
    phone::{
        Phone,
        account::Account,
        address,
        group_node::describe,
        state::{Group, Mark, Person},
    },
    wire::node::{Node, SERVER, attr, bytes, children, node, refusal, result},
};

/// Elements of a request that change a group.
pub(super) const CHANGES: [&str; 8] =
    ["create", "subject", "description", "add", "remove", "promote", "demote", "leave"];

/// Reason for rejecting a change: its code and its text.
type Refused = (u16, &'static str);

const BAD_REQUEST: Refused = (400, "bad-request");
const FORBIDDEN: Refused = (403, "forbidden");
const UNKNOWN: Refused = (404, "item-not-found");
const CONFLICT: Refused = (409, "conflict");

/// Returns a group's subject and members, or those of all the owner's groups.
pub(super) fn show(client: &Client, request: &Node) -> Node {
    let (state, account) = (locked(&client.account.state), &client.account);
    let is_member = |group: &&Group| group.members.contains(&account.number);
    let to = attr(request, "to").unwrap_or_default();
    match state.groups.get(&to) {
        Some(group) if is_member(&group) => result(request).children([describe(&state, account, &to, group)]).build(),
        Some(_) => refusal(request, FORBIDDEN.0, FORBIDDEN.1),
        None if to.trim_start_matches('@') == "g.us" => {
            let all = state.groups.iter().filter(|(_, group)| is_member(group));
            let all = all.map(|(jid, group)| describe(&state, account, jid, group));
            result(request).children([node("groups").children(all).build()]).build()
        }
        None => refusal(request, UNKNOWN.0, UNKNOWN.1),
    }
}

/// Changes a group, if the owner has the right.
pub(super) async fn change(client: &Client, request: &Node) {
    let Some(change) = children(request).first() else { return };
    let group = attr(request, "to").unwrap_or_default();
    let done = match change.tag.as_ref() {
        "create" => create(client, change).await,
        "leave" => leave(client, change).await,
        "subject" => rename(client, &group, change).await,
        "description" => describe_group(client, &group, change).await,
        _ => change_members(client, &group, change).await,
    };
    client.outlet.send(match done {
        Ok(parts) => result(request).children(parts).build(),
        Err((code, text)) => refusal(request, code, text),
    });
}

async fn create(client: &Client, create: &Node) -> Result<Option<Node>, Refused> {
    let subject = attr(create, "subject").filter(|subject| !subject.trim().is_empty()).ok_or(BAD_REQUEST)?;
    let account = &client.account;
    let mut members = vec![account.number.clone()];
    for name in named(client, create).into_iter().map(|(name, _)| name) {
        if !members.contains(&name) {
            members.push(name);
        }
    }
    let number = u64::from_be_bytes(crypto::random().map_err(|error| failed(client, &error))?);
    let jid = format!("120363{:012}@g.us", number % 1_000_000_000_000);
    let made = Mark { by: account.number.clone(), at: clock::now_ms() };
    let group = Group::new(&subject, members.clone(), false, Some(made));
    let key = attr(create, "key");
    for phone in accounts(client, &members) {
        let own = phone.number() == account.number;
        let key = key.as_deref().filter(|_| own);
        phone.join_group(&jid, group.clone(), &account.jid(), key).await.map_err(|error| failed(client, &error))?;
    }
    Ok(Some(describe(&locked(&account.state), account, &jid, &group)))
}

async fn leave(client: &Client, leave: &Node) -> Result<Option<Node>, Refused> {
    let mut left = Vec::new();
    for id in children(leave).iter().filter(|group| group.tag == "group").filter_map(|group| attr(group, "id")) {
        let jid = if id.contains('@') { id.clone() } else { format!("{id}@g.us") };
        member_of(client, &jid)?;
        let own = [client.account.number.clone()];
        for phone in members(client, &jid) {
            phone.change_members(&jid, &own, false, &own[0]).await.map_err(|error| failed(client, &error))?;
        }
        left.push(node("group").attr("id", id).build());
    }
    if left.is_empty() { Err(BAD_REQUEST) } else { Ok(Some(node("leave").children(left).build())) }
}

/// Any member may rename a group that is not locked; there are no locked groups here.
async fn rename(client: &Client, jid: &str, subject: &Node) -> Result<Option<Node>, Refused> {
    member_of(client, jid)?;
    let text = text(subject).filter(|text| !text.trim().is_empty()).ok_or(BAD_REQUEST)?;
    for phone in members(client, jid) {
        phone.rename_group(jid, &text, &client.account.number).await.map_err(|error| failed(client, &error))?;
    }
    Ok(None)
}

/// As with the subject. The request must name the text that it replaces.
async fn describe_group(client: &Client, jid: &str, description: &Node) -> Result<Option<Node>, Refused> {
    let group = member_of(client, jid)?;
    if group.description.map(|known| known.id) != attr(description, "prev") {
        return Err(CONFLICT);
    }
    let new_text = description.get_optional_child("body").and_then(text).filter(|text| !text.is_empty());
    let deleted = attr(description, "delete").as_deref() == Some("true");
    let id =
        attr(description, "id").or_else(|| crypto::random_hex::<8>().ok()).filter(|_| deleted != new_text.is_some());
    let id = id.ok_or(BAD_REQUEST)?;
    for phone in members(client, jid) {
        let done = phone.describe_group_as(jid, new_text.as_deref(), id.clone(), &client.account.number).await;
        done.map_err(|error| failed(client, &error))?;
    }
    Ok(None)
}

/// Only admins may add, remove, promote and demote members.
async fn change_members(client: &Client, jid: &str, change: &Node) -> Result<Option<Node>, Refused> {
    let group = member_of(client, jid)?;
    let own = &client.account.number;
    if !group.is_admin(own, own) {
        return Err(FORBIDDEN);
    }
    let kind = *CHANGES.iter().find(|kind| **kind == change.tag).ok_or(BAD_REQUEST)?;
    let (mut names, mut outcomes) = (Vec::new(), Vec::new());
    for (name, requested) in named(client, change) {
        let error = match (kind, group.members.contains(&name)) {
            ("add", true) => Some("409"),
            ("add", false) | (_, true) => None,
            (_, false) => Some("404"),
        };
        let outcome = node("participant").attr("jid", requested);
        if let Some(error) = error {
            outcomes.push(outcome.attr("error", error).build());
        } else {
            names.push(name);
            outcomes.push(outcome.build());
        }
    }
    if outcomes.is_empty() {
        return Err(BAD_REQUEST);
    }
    if !names.is_empty() {
        for phone in members(client, jid) {
            let done = match kind {
                "add" | "remove" => phone.change_members(jid, &names, kind == "add", own).await,
                _ => phone.appoint(jid, &names, kind == "promote", own).await,
            };
            done.map_err(|error| failed(client, &error))?;
        }
        if kind == "add" {
            join_accounts(client, jid, &names).await.map_err(|error| failed(client, &error))?;
        }
    }
    Ok(Some(node(kind).children(outcomes).build()))
}

/// Adds the accounts among the new members to the present group.
async fn join_accounts(client: &Client, jid: &str, names: &[String]) -> Result<(), Error> {
    let account = &client.account;
    let group = locked(&account.state).groups.get(jid).map(|group| group.spelled_out(&account.number, account.made_at));
    let Some(group) = group else { return Ok(()) };
    for phone in accounts(client, names).into_iter().filter(|phone| phone.number() != account.number) {
        phone.join_group(jid, group.clone(), &account.jid(), None).await?;
    }
    Ok(())
}

/// Returns the group, if the owner is a member.
fn member_of(client: &Client, jid: &str) -> Result<Group, Refused> {
    let group = locked(&client.account.state).groups.get(jid).cloned().ok_or(UNKNOWN)?;
    if group.members.contains(&client.account.number) { Ok(group) } else { Err(FORBIDDEN) }
}

/// Returns the phones of the accounts that are members of the group, by their own state.
fn members(client: &Client, jid: &str) -> Vec<Phone> {
    let all = locked(&client.server.accounts).values().cloned().collect::<Vec<_>>();
    let is_member = |account: &Account| {
        let state = locked(&account.state);
        state.groups.get(jid).is_some_and(|group| group.members.contains(&account.number))
    };
    let among = all.into_iter().filter(|account| is_member(account));
    among.map(|account| Phone::new(client.server.services.clone(), account)).collect()
}

/// Returns the phones of the accounts with these numbers.
fn accounts(client: &Client, numbers: &[String]) -> Vec<Phone> {
    let accounts = numbers.iter().filter_map(|number| client.server.account(number));
    accounts.map(|account| Phone::new(client.server.services.clone(), account)).collect()
}

/// Returns the participants in a request: as stored in a group, and as in the request.
fn named(client: &Client, change: &Node) -> Vec<(String, String)> {
    let participants = children(change).iter().filter(|child| child.tag == "participant");
    let named = participants.filter_map(|participant| {
        let requested = attr(participant, "jid")?;
        let jid = attr(participant, "phone_number").unwrap_or_else(|| requested.clone());
        Some((name(client, &address::person(&jid))?, requested))
    });
    named.collect()
}

/// Returns the number, or the JID by LID of a person without a known number.
fn name(client: &Client, jid: &str) -> Option<String> {
    match jid.split_once('@')? {
        (number, SERVER) => Some(number.to_owned()),
        (lid, "lid") => {
            let accounts = locked(&client.server.accounts);
            let account = accounts.values().find(|account| account.lid == lid);
            let known = || locked(&client.account.state).person(jid).and_then(|person: &Person| person.phone.clone());
            Some(account.map(|account| account.number.clone()).or_else(known).unwrap_or_else(|| jid.to_owned()))
        }
        _ => None,
    }
}

fn text(node: &Node) -> Option<String> {
    String::from_utf8(bytes(node)?.to_vec()).ok()
}

fn failed(client: &Client, error: &Error) -> Refused {
    client.note(format!("a group cannot be changed: {error}"));
    (500, "internal-server-error")
}
