//! Groups and their members in stanzas.

use super::{
    account::Account,
    state::{Description, Group, Mark, PhoneState},
};
use crate::{
    clock,
    wire::node::{Node, NodeBuilder, SERVER, node},
};

/// Creates a group's node.
pub(crate) fn describe(state: &PhoneState, account: &Account, jid: &str, group: &Group) -> Node {
    let owner = &account.number;
    let first = Mark { by: owner.clone(), at: account.made_at };
    let made = group.made.as_ref().unwrap_or(&first);
    let named = group.named.as_ref().unwrap_or(made);
    let members = group.members.iter().map(|name| {
        let member = participant(state, account, group, name);
        match group.is_admin(name, owner) {
            true if *name == made.by => member.attr("type", "superadmin").build(),
            true => member.attr("type", "admin").build(),
            false => member.build(),
        }
    });
    let about = group.description.as_ref().map(|description| about(state, account, group, description));
    // Only admins may add members.
    let add = node("member_add_mode").bytes(b"admin_add".to_vec()).build();
    let mut described = node("group").attr("id", jid.split('@').next().unwrap_or_default());
    for (who, when, mark) in [("creator", "creation", made), ("s_o", "s_t", named)] {
        described = described
            .attr(when, clock::seconds(mark.at).to_string())
            .attr(who, called(state, account, group, &mark.by));
    }
    described
        .attr("subject", group.subject.as_str())
        .attr("addressing_mode", if group.by_lid { "lid" } else { "pn" })
        .attr("size", group.members.len().to_string())
        .children(members.chain(about).chain([add]))
        .build()
}

fn about(state: &PhoneState, account: &Account, group: &Group, description: &Description) -> Node {
    let Description { id, text, mark } = description;
    node("description")
        .attr("id", id.as_str())
        .attr("participant", called(state, account, group, &mark.by))
        .attr("t", clock::seconds(mark.at).to_string())
        .children([node("body").bytes(text.as_bytes().to_vec()).build()])
        .build()
}

/// Returns a person's address in a group's stanzas, including the owner's.
fn called(state: &PhoneState, account: &Account, group: &Group, name: &str) -> String {
    let own = name == account.number && group.by_lid;
    if own { format!("{}@lid", account.lid) } else { state.member(group, name) }
}

/// Creates a member's node, given a number or JID `name`; the member may be the owner.
pub(crate) fn participant(state: &PhoneState, account: &Account, group: &Group, name: &str) -> NodeBuilder {
    let jid = called(state, account, group, name);
    let member = node("participant").attr("jid", jid.as_str());
    let own = name == account.number;
    let number = if own { Some(&account.number) } else { state.person(&jid).and_then(|person| person.phone.as_ref()) };
    match number {
        Some(number) if group.by_lid => member.attr("phone_number", format!("{number}@{SERVER}")),
        _ => member,
    }
}
