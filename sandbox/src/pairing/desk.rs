//! The connections that wait to be paired, by the references their QR codes show.

use std::{collections::HashMap, sync::Mutex};

use crate::{
    Error, key, locked,
    server::link::Link,
    wire::node::{Node, SERVER, node},
};

/// How many codes a client may show one after the other: the first for 60 s, each other for 20 s.
const REFERENCES: usize = 6;

/// One connection that waits.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) link: Link,
    /// The static key on that connection.
    pub(crate) noise: [u8; 32],
}

/// All connections that wait.
#[derive(Debug, Default)]
pub(crate) struct Desk(Mutex<HashMap<String, Offer>>);

impl Desk {
    /// Lets a connection wait, and gives what to send it.
    pub(crate) fn open(&self, offer: &Offer) -> Result<Node, Error> {
        let mut references = Vec::with_capacity(REFERENCES);
        for _ in 0..REFERENCES {
            references.push(format!("2@{}", key::random_hex::<16>()?));
        }
        let id = key::random_hex::<8>()?;
        let mut waiting = locked(&self.0);
        for reference in &references {
            waiting.insert(reference.clone(), offer.clone());
        }
        drop(waiting);
        let shown = references.into_iter().map(|reference| node("ref").bytes(reference).build());
        let request = node("iq").attr("from", SERVER).attr("type", "set").attr("id", id).attr("xmlns", "md");
        Ok(request.children([node("pair-device").children(shown).build()]).build())
    }

    /// The connection that shows a reference.
    pub(crate) fn find(&self, reference: &str) -> Option<Offer> {
        locked(&self.0).get(reference).cloned()
    }

    /// The connection is paired or gone: its references are void.
    pub(crate) fn withdraw(&self, link: &Link) {
        locked(&self.0).retain(|_, offer| !offer.link.is(link));
    }
}
