//! WhatsApp's responses about app-state collections. The library raises no event for some of the actions in them (see
//! `actions`). A response is kept until the library has processed it, so that those actions can be read here.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

use whatsapp_rust::{
    OwnedNodeRef,
    anyhow::{self, Context as _},
    wacore::{
        appstate::patch_decode::parse_patch_lists_ref,
        download::{DownloadUtils, MediaType},
    },
    waproto::{
        codec,
        whatsapp::{ExternalBlobReference, SyncdMutation, SyncdPatch, SyncdRecord, syncd_mutation::SyncdOperation},
    },
};

/// An encrypted record, and its operation.
pub(super) type Sealed = (SyncdOperation, SyncdRecord);

/// Responses that the library has not processed yet, by collection.
#[derive(Default)]
pub(super) struct Answers(Mutex<HashMap<&'static str, Answer>>);

#[derive(Default)]
struct Answer {
    /// By version.
    patches: BTreeMap<u64, SyncdPatch>,
    /// References to snapshots.
    snapshots: Vec<ExternalBlobReference>,
    /// Encrypted files by path: snapshots, and mutations outside their patch.
    files: HashMap<String, Vec<u8>>,
}

impl Answers {
    /// Stores the collections of a stanza, before the library processes it.
    pub(super) fn comes(&self, stanza: &OwnedNodeRef) {
        if stanza.tag() != "iq" || stanza.get_optional_child("sync").is_none() {
            return;
        }
        // The library logs that it cannot parse the stanza.
        let Ok(lists) = parse_patch_lists_ref(stanza.get()) else { return };
        let mut answers = self.answers();
        for list in lists {
            let answer = answers.entry(list.name.as_str()).or_default();
            answer.snapshots.extend(list.snapshot_ref);
            answer.patches.extend(list.patches.into_iter().filter_map(|patch| Some((patch.version.version?, patch))));
        }
    }

    /// Stores a file that the library downloaded, if a response refers to it.
    pub(super) fn file(&self, url: &str, content: &[u8]) {
        let Some(path) = url.split_once("://").and_then(|(_, rest)| rest.find('/').map(|start| &rest[start..])) else {
            return;
        };
        for answer in self.answers().values_mut() {
            let wanted = answer.paths().find(|wanted| path.starts_with(*wanted)).map(ToOwned::to_owned);
            if let Some(wanted) = wanted {
                answer.files.insert(wanted, content.to_vec());
            }
        }
    }

    /// Returns the records of a version of a collection; `None` if no response contains the version. `whole` is true
    /// for a snapshot.
    ///
    /// # Errors
    /// An error if a file of the version was not downloaded or cannot be decrypted.
    pub(super) fn take(&self, collection: &str, version: u64, whole: bool) -> anyhow::Result<Option<Vec<Sealed>>> {
        let mut answers = self.answers();
        let Some(answer) = answers.get_mut(collection) else { return Ok(None) };
        if whole { answer.snapshot(version) } else { answer.patch(version) }
    }

    /// Removes the responses about a collection, which the library has processed.
    pub(super) fn are_read(&self, collection: &str) {
        self.answers().remove(collection);
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<&'static str, Answer>> {
        // A response that was stored in part fails to be read, and is then fetched again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    fn paths(&self) -> impl Iterator<Item = &str> {
        let external = self.patches.values().filter_map(|patch| patch.external_mutations.as_option());
        external.chain(&self.snapshots).filter_map(|file| file.direct_path.as_deref()).filter(|path| !path.is_empty())
    }

    fn patch(&mut self, version: u64) -> anyhow::Result<Option<Vec<Sealed>>> {
        let Some(mut patch) = self.patches.remove(&version) else { return Ok(None) };
        if let Some(external) = patch.external_mutations.as_option() {
            patch.mutations = codec::syncd_mutations_decode(&self.opened(external)?)?.mutations;
        }
        let sealed = |mutation: SyncdMutation| {
            let operation = mutation.operation.and_then(|operation| operation.as_known())?;
            Some((operation, mutation.record.into_option()?))
        };
        Ok(Some(patch.mutations.into_iter().filter_map(sealed).collect()))
    }

    fn snapshot(&mut self, version: u64) -> anyhow::Result<Option<Vec<Sealed>>> {
        while let Some(place) = self.snapshots.pop() {
            let snapshot = codec::syncd_snapshot_decode(&self.opened(&place)?)?;
            if snapshot.version.version == Some(version) {
                return Ok(Some(snapshot.records.into_iter().map(|record| (SyncdOperation::SET, record)).collect()));
            }
        }
        Ok(None)
    }

    fn opened(&self, file: &ExternalBlobReference) -> anyhow::Result<Vec<u8>> {
        let sealed =
            file.direct_path.as_ref().and_then(|path| self.files.get(path)).context("a file was not fetched")?;
        let key = file.media_key.as_deref().context("a file has no key")?;
        Ok(DownloadUtils::verify_and_decrypt(sealed, key, MediaType::AppState)?)
    }
}

#[cfg(test)]
mod tests;
