//! Calls that ring on the owner's devices. They are only sent live: offline companions miss them.

use super::{
    Phone,
    account::Account,
    view::{CallState, CallView},
};
use crate::{
    Error,
    chat::ChatKind,
    clock, crypto,
    lock::locked,
    wire::node::{Node, SERVER, attr, children, empty, node},
};

impl Phone {
    /// Starts a call, and returns its id. It rings until [`Phone::hang_up`], or until a companion rejects it.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `from` is not another person's number or JID, [`Error::UnknownChat`] if `group` is
    /// not a group.
    #[expect(clippy::unused_async, reason = "consistent with the phone's other actions")]
    pub async fn call(&self, from: &str, video: bool, group: Option<&str>) -> Result<String, Error> {
        let from = self.person(from);
        if ChatKind::of(&from) != ChatKind::Dm || from == self.jid() {
            return Err(Error::UnknownContact(from));
        }
        let notify = {
            let mut state = locked(&self.account.state);
            state.ensure_person(&from);
            if let Some(group) = group.filter(|group| !state.groups.contains_key(*group)) {
                return Err(Error::UnknownChat(group.to_owned()));
            }
            state.person(&from).and_then(|person| person.shown_name()).map(ToOwned::to_owned)
        };
        let id = crypto::random_hex::<16>()?;
        let mut media = vec![node("audio").attr("enc", "opus").attr("rate", "16000").build()];
        if video {
            media.push(empty("video"));
        }
        let mut offer = node("offer").attr("call-id", id.as_str()).attr("call-creator", from.as_str());
        if let Some(group) = group {
            offer = offer.attr("group-jid", group);
        }
        let group = group.map(ToOwned::to_owned);
        let call = CallView { id: id.clone(), from: from.clone(), video, group, state: CallState::Ringing };
        locked(&self.account.calls).push(call);
        self.account.signal(&from, notify.as_deref(), &offer.children(media).build());
        Ok(id)
    }

    /// Ends a call on behalf of the caller.
    ///
    /// # Errors
    /// [`Error::UnknownCall`] if there is no such call, or it has ended.
    #[expect(clippy::unused_async, reason = "consistent with the phone's other actions")]
    pub async fn hang_up(&self, id: &str) -> Result<(), Error> {
        let from = {
            let mut calls = locked(&self.account.calls);
            let call = calls.iter_mut().find(|call| call.id == id && call.state != CallState::Ended);
            let call = call.ok_or_else(|| Error::UnknownCall(id.to_owned()))?;
            call.state = CallState::Ended;
            call.from.clone()
        };
        let end = node("terminate").attr("call-id", id).attr("call-creator", from.as_str()).attr("reason", "timeout");
        self.account.signal(&from, None, &end.build());
        Ok(())
    }

    /// The calls of this run of the sandbox, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CallView> {
        locked(&self.account.calls).clone()
    }
}

impl Account {
    /// Sends it to every connected companion.
    fn signal(&self, from: &str, notify: Option<&str>, action: &Node) {
        for (_, companion) in locked(&self.companions).all() {
            let Some(outlet) = companion.outlet.as_ref().filter(|_| companion.bootstrapped) else { continue };
            let mut call = node("call")
                .attr("from", from)
                .attr("id", self.stanza_id())
                .attr("t", clock::seconds(clock::now_ms()).to_string());
            if let Some(name) = notify {
                call = call.attr("notify", name);
            }
            outlet.send(call.children([action.clone()]).build());
        }
    }

    /// Handles a companion's call stanza, and returns the answer.
    pub(crate) fn handle_call(&self, call: &Node) -> Node {
        let action = children(call).first();
        if let Some(reject) = action.filter(|action| action.tag == "reject") {
            let id = attr(reject, "call-id").unwrap_or_default();
            let mut calls = locked(&self.calls);
            let ringing = calls.iter_mut().find(|call| call.id == id && call.state == CallState::Ringing);
            if let Some(call) = ringing {
                call.state = CallState::Rejected;
            }
        }
        let mut ack = node("ack").attr("class", "call").attr("id", attr(call, "id").unwrap_or_default());
        if let Some(action) = action {
            ack = ack.attr("type", action.tag.to_string());
        }
        ack.attr("from", attr(call, "to").unwrap_or_else(|| SERVER.to_owned())).build()
    }
}
