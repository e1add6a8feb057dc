//! Profile pictures of the owner, of contacts, and of groups.

use super::{
    Phone,
    state::{Person, PhoneState, Picture},
};
use crate::{
    Error,
    chat::ChatKind,
    clock,
    lock::locked,
    wire::node::{Node, node},
};

impl Phone {
    /// Sets or removes the picture of the owner, of another person or of a group; returns its id. The companions are
    /// notified.
    ///
    /// # Errors
    /// [`Error::UnknownContact`] if `whose` is not a person, [`Error::UnknownChat`] if it is a group that the owner is
    /// not in, or [`Error::Storage`].
    pub async fn set_picture(&self, whose: &str, image: Option<&[u8]>) -> Result<Option<u64>, Error> {
        self.set_picture_from(whose, image, None).await
    }

    /// Sets a picture for a companion; the others are notified.
    pub(crate) async fn set_picture_from(
        &self,
        whose: &str,
        image: Option<&[u8]>,
        author: Option<u16>,
    ) -> Result<Option<u64>, Error> {
        let path = image.map(|image| self.services.media.publish(image)).transpose()?;
        let jid = self.person(whose);
        let (jid, id) = {
            let mut state = locked(&self.account.state);
            match ChatKind::of(&jid) {
                ChatKind::Group if !state.groups.contains_key(&jid) => return Err(Error::UnknownChat(jid)),
                ChatKind::Group => {}
                ChatKind::Dm if jid == self.jid() => {}
                ChatKind::Dm => state.ensure_person(&jid),
                _ => return Err(Error::UnknownContact(jid)),
            }
            let jid = state.pictured(&jid);
            let before = state.pictures.remove(&jid).map_or(0, |picture| picture.id);
            let id = u64::try_from(clock::now_ms() / 1_000).unwrap_or_default().max(before + 1);
            let picture = path.map(|path| Picture { id, path });
            let id = picture.as_ref().map(|picture| picture.id);
            state.pictures.extend(picture.map(|picture| (jid.clone(), picture)));
            (jid, id)
        };
        let peers = self.account.peers.lock().await;
        self.account.notify_others(author, "picture", (&jid, None), &notice(&jid, &self.jid(), id));
        drop(peers);
        self.account.save().await?;
        Ok(id)
    }

    /// Returns the picture of the owner, of a contact, or of a group.
    pub(crate) fn picture(&self, whose: &str) -> Option<Picture> {
        let jid = self.person(whose);
        let state = locked(&self.account.state);
        state.pictures.get(&state.pictured(&jid)).cloned()
    }
}

/// Creates the notification of a new or removed picture.
fn notice(jid: &str, owner: &str, id: Option<u64>) -> Node {
    let change = node(if id.is_some() { "set" } else { "delete" }).attr("jid", jid);
    let change = if jid.ends_with("@g.us") { change.attr("author", owner) } else { change };
    match id {
        Some(id) => change.attr("id", id.to_string()).build(),
        None => change.build(),
    }
}

impl PhoneState {
    /// Returns the JID under which the picture of `jid` is stored.
    fn pictured(&self, jid: &str) -> String {
        self.person(jid).map_or_else(|| jid.to_owned(), Person::jid)
    }

    /// Moves a picture to another JID.
    pub(crate) fn move_picture(&mut self, before: &str, after: &str) {
        if let Some(picture) = self.pictures.remove(before) {
            self.pictures.entry(after.to_owned()).or_insert(picture);
        }
    }
}
