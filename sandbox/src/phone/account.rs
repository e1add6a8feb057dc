//! An account: what its phone knows, its settings, its companions.
//!
//! Locks are taken in this order: peers, `app_state`, state, companions.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;
use whatsapp_rust::wacore::{appstate::Mutation, libsignal::protocol::IdentityKeyPair};

use super::{
    app_state::{AppState, Rejected},
    mutation::{self, Change},
    signal_peer::SignalPeer,
    signal_peers::SignalPeers,
    state::PhoneState,
    view::CallView,
};
use crate::{
    Error, clock,
    companion::{
        Companions,
        queue::{Content, Item},
    },
    crypto,
    lock::locked,
    spec::AccountSpec,
    storage::AccountFile,
    wire::node::{SERVER, node},
};

/// One account, shared by its phone and the connections of its companions.
pub(crate) struct Account {
    pub(crate) number: String,
    /// The user part of the owner's LID.
    pub(crate) lid: String,
    /// Time of creation, in milliseconds.
    pub(crate) made_at: i64,
    /// The identity that signs companions.
    pub(crate) identity: IdentityKeyPair,
    /// Identifies the list of companions in signatures.
    pub(crate) raw_id: u32,
    pub(crate) state: Mutex<PhoneState>,
    pub(crate) app_state: Mutex<AppState>,
    /// Held while encrypting and queueing, so it is a lock that can be held across waits.
    pub(crate) peers: tokio::sync::Mutex<SignalPeers>,
    pub(crate) companions: Mutex<Companions>,
    /// Calls since the sandbox was started.
    pub(crate) calls: Mutex<Vec<CallView>>,
    /// Position in the demo's script, in a format of the demo.
    pub(crate) script_position: Mutex<Option<String>>,
    /// Changes whenever a companion connects, disconnects or catches up.
    pub(super) changed: watch::Sender<()>,
    pub(super) stanzas: AtomicU64,
    /// `None` without a folder.
    pub(super) file: Option<AccountFile>,
}

impl Account {
    /// Creates the account with its app state.
    pub(crate) fn new(spec: &AccountSpec) -> Result<Self, Error> {
        let made_at = clock::now_ms();
        let state = PhoneState::new(spec, made_at)?;
        let mut app_state = AppState::new()?;
        for (collection, changes) in settings(&state) {
            if !changes.is_empty() {
                app_state.write(collection, changes)?;
            }
        }
        let identity = crypto::identity();
        let jid = format!("{}@{SERVER}", spec.phone);
        Ok(Self {
            number: spec.phone.clone(),
            lid: crypto::lid_user(&spec.phone),
            made_at,
            raw_id: u32::from_be_bytes(crypto::random::<4>()?),
            state: Mutex::new(state),
            app_state: Mutex::new(app_state),
            peers: tokio::sync::Mutex::new(SignalPeers::new(jid, SignalPeer::new(identity.clone()))),
            identity,
            companions: Mutex::default(),
            calls: Mutex::default(),
            script_position: Mutex::default(),
            changed: watch::Sender::new(()),
            stanzas: AtomicU64::new(0),
            file: None,
        })
    }

    /// Returns the JID by number.
    pub(crate) fn jid(&self) -> String {
        format!("{}@{SERVER}", self.number)
    }

    /// Returns a new id for a stanza of the server, unique in the account.
    pub(crate) fn stanza_id(&self) -> String {
        format!("{:016X}", self.stanzas.fetch_add(1, Ordering::Relaxed))
    }

    /// Reports that a companion connected, disconnected or caught up.
    pub(crate) fn notify(&self) {
        self.changed.send_replace(());
    }

    /// Watches companions that connect, disconnect or catch up.
    pub(crate) fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Writes settings as the phone, and notifies the companions.
    ///
    /// `make` returns the settings for the present state, or an error.
    pub(crate) fn write(
        &self,
        collection: &str,
        make: impl FnOnce(&PhoneState) -> Result<Vec<Change>, Error>,
    ) -> Result<(), Error> {
        let mut app_state = locked(&self.app_state);
        let changes = make(&locked(&self.state))?;
        let mutations = app_state.write(collection, changes)?;
        self.apply_mutations(&app_state, collection, &mutations, None);
        Ok(())
    }

    /// Stores a companion's patch on top of version `base`, and notifies the others. Returns the new version.
    pub(crate) fn upload(&self, author: u16, collection: &str, base: u64, patch: &[u8]) -> Result<u64, Rejected> {
        let mut app_state = locked(&self.app_state);
        let mutations = app_state.upload(collection, base, patch)?;
        self.apply_mutations(&app_state, collection, &mutations, Some(author));
        self.unpin_excess(&mut app_state);
        Ok(base + 1)
    }

    /// Unpins, as the phone, the chat that was pinned first, if more are pinned than the maximum.
    fn unpin_excess(&self, app_state: &mut AppState) {
        let Some(oldest) = locked(&self.state).excess_pin() else { return };
        // Based on the stored version, so it is never rejected.
        let Ok(mutations) = app_state.write("regular_low", vec![Change::pin(&oldest, false)]) else { return };
        self.apply_mutations(app_state, "regular_low", &mutations, None);
    }

    /// Applies new mutations, and notifies every companion but their author. The app state is locked, so that this
    /// happens in the order of the versions.
    fn apply_mutations(&self, app_state: &AppState, collection: &str, mutations: &[Mutation], author: Option<u16>) {
        let mut state = locked(&self.state);
        for mutation in mutations {
            mutation::apply(&mut state, mutation);
        }
        drop(state);
        let version = app_state.version(collection).unwrap_or_default();
        let mut companions = locked(&self.companions);
        for (device, companion) in companions.all_mut() {
            if companion.bootstrapped && Some(device) != author {
                companion.push(self.collection_changed(collection, version));
            }
        }
    }

    /// Creates the notification of a new version.
    fn collection_changed(&self, collection: &str, version: u64) -> Item {
        let id = self.stanza_id();
        let changed = node("collection").attr("name", collection).attr("version", version.to_string()).build();
        let node = node("notification")
            .attr("from", SERVER)
            .attr("type", "server_sync")
            .attr("id", id.as_str())
            .attr("t", clock::seconds(clock::now_ms()).to_string())
            .children([changed])
            .build();
        Item { id, node, content: Content::CollectionChanged(collection.to_owned()) }
    }
}

/// Returns an account's initial settings, by collection.
fn settings(state: &PhoneState) -> [(&'static str, Vec<Change>); 4] {
    let (mut low, mut high) = (Vec::new(), Vec::new());
    for (jid, chat) in &state.chats {
        if chat.archived {
            low.push(Change::archive(jid, true, chat));
        }
        if chat.pinned_at.is_some() {
            low.push(Change::pin(jid, true).made_at(chat.pinned_at));
        }
        if chat.marked_unread {
            low.push(Change::read(jid, false, chat));
        }
        if chat.muted_until.is_some() {
            high.push(Change::mute(jid, chat.muted_until));
        }
    }
    [
        ("critical_block", vec![Change::own_name(&state.name)]),
        ("critical_unblock_low", state.people.iter().filter_map(Change::contact).collect()),
        ("regular_low", low),
        ("regular_high", high),
    ]
}
