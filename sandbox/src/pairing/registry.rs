//! Connections that wait for pairing. They are found by the reference in their QR code, or by the number of the phone
//! on which the user must type a code.

use std::{collections::HashMap, sync::Mutex};

use tokio::sync::oneshot;

use crate::{
    Error,
    companion::outlet::Outlet,
    crypto,
    lock::locked,
    wire::node::{Node, SERVER, node},
};

/// Number of QR codes that a client shows in turn: the first for 60 s, each other for 20 s.
const REFERENCES: usize = 6;

/// A waiting connection.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) outlet: Outlet,
    /// The static key of the connection.
    pub(crate) noise: [u8; 32],
    /// True if it asks for the full history.
    pub(crate) full: bool,
}

/// A connection that waits for a code to be typed on a phone.
#[derive(Debug, Clone)]
pub(crate) struct CodeRequest {
    pub(crate) reference: String,
    pub(crate) offer: Offer,
    /// The companion's key, encrypted with the code.
    pub(crate) wrapped: Vec<u8>,
}

/// A client's answer after the code was typed on the phone.
#[derive(Debug)]
pub(crate) struct Finish {
    pub(crate) identity: [u8; 32],
    /// Salt, nonce, and the encrypted keys.
    pub(crate) bundle: Vec<u8>,
}

/// All waiting connections.
#[derive(Debug, Default)]
pub(crate) struct PairingRegistry(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    /// By the references in their QR codes.
    shown: HashMap<String, Offer>,
    /// By the phone's number: the latest request.
    requested: HashMap<String, CodeRequest>,
    /// Phones on which a code was typed, by reference.
    entered: HashMap<String, oneshot::Sender<Finish>>,
}

impl PairingRegistry {
    /// Adds a waiting connection, and returns the stanza to send it.
    pub(crate) fn open(&self, offer: &Offer) -> Result<Node, Error> {
        let mut references = Vec::with_capacity(REFERENCES);
        for _ in 0..REFERENCES {
            references.push(format!("2@{}", crypto::random_hex::<16>()?));
        }
        let id = crypto::random_hex::<8>()?;
        let mut waiting = locked(&self.0);
        for reference in &references {
            waiting.shown.insert(reference.clone(), offer.clone());
        }
        drop(waiting);
        let shown = references.into_iter().map(|reference| node("ref").bytes(reference).build());
        let request = node("iq").attr("from", SERVER).attr("type", "set").attr("id", id).attr("xmlns", "md");
        Ok(request.children([node("pair-device").children(shown).build()]).build())
    }

    /// Returns the connection that shows a reference.
    pub(crate) fn find(&self, reference: &str) -> Option<Offer> {
        locked(&self.0).shown.get(reference).cloned()
    }

    /// Adds a connection that waits for a code to be typed on a phone, replacing an earlier one. Returns its reference.
    pub(crate) fn ask(&self, number: String, offer: &Offer, wrapped: Vec<u8>) -> Result<String, Error> {
        let reference = format!("3@{}", crypto::random_hex::<16>()?);
        let requested = CodeRequest { reference: reference.clone(), offer: offer.clone(), wrapped };
        locked(&self.0).requested.insert(number, requested);
        Ok(reference)
    }

    /// Returns the connection that waits for a code typed on this phone; its answer goes to `answers`.
    pub(crate) fn entered(&self, number: &str, answers: oneshot::Sender<Finish>) -> Option<CodeRequest> {
        let mut waiting = locked(&self.0);
        let requested = waiting.requested.get(number)?.clone();
        waiting.entered.insert(requested.reference.clone(), answers);
        Some(requested)
    }

    /// Passes on the connection's answer to the phone, if it still waits.
    pub(crate) fn finish(&self, reference: &str, finish: Finish) {
        if let Some(answers) = locked(&self.0).entered.remove(reference) {
            let _ = answers.send(finish);
        }
    }

    /// Invalidates the references of a connection that is paired or closed.
    pub(crate) fn withdraw(&self, outlet: &Outlet) {
        let mut waiting = locked(&self.0);
        waiting.shown.retain(|_, offer| !offer.outlet.is(outlet));
        let removed = waiting.requested.values().filter(|requested| requested.offer.outlet.is(outlet));
        let removed: Vec<_> = removed.map(|requested| requested.reference.clone()).collect();
        waiting.requested.retain(|_, requested| !requested.offer.outlet.is(outlet));
        waiting.entered.retain(|reference, _| !removed.contains(reference));
    }
}
