//! One suite for the library's expectations of a backend. It runs on our backend, with and without encryption, and on
//! the library's own in-memory backend. The latter proves that the expectations are the library's.

mod app_state;
mod device;
mod protocol;
mod secret;
mod signal;
mod stored;

use std::time::Duration;

use whatsapp_rust::{store::traits::Backend, wacore::store::InMemoryBackend};

use super::*;
use crate::{session::whatsapp::event_queue::queue, store::tests::TestStore};

fn key(test: &TestStore) -> SessionKey {
    SessionKey { organization: test.organization.clone(), session: test.session }
}

/// A backend as a client opens it, without a listener.
async fn open(backends: &BackendPool, key: &SessionKey) -> Arc<dyn Backend> {
    backends.open(key, queue(Duration::from_secs(1), crate::session::SessionMetrics::default()).0).await.unwrap()
}

/// The backend of the test's own session.
async fn opened(test: &TestStore) -> Arc<dyn Backend> {
    open(&BackendPool::new(test.store.clone()), &key(test)).await
}

/// Runs each test on a new backend of each kind.
macro_rules! suite {
    ($($area:ident: $($fact:ident),+;)+) => {
        mod of_the_library {
            $($(#[tokio::test]
            async fn $fact() {
                super::$area::$fact(&super::InMemoryBackend::new()).await;
            })+)+
        }

        mod of_ours {
            $($(#[tokio::test]
            async fn $fact() {
                let test = super::TestStore::open().await;
                let memory = super::opened(&test).await;
                super::$area::$fact(memory.as_ref()).await;
            })+)+
        }

        mod of_ours_in_plain {
            $($(#[tokio::test]
            async fn $fact() {
                let test = super::TestStore::in_plain().await;
                let memory = super::opened(&test).await;
                super::$area::$fact(memory.as_ref()).await;
            })+)+
        }
    };
}

suite! {
    signal:
        identities,
        identities_in_a_batch,
        sessions,
        sessions_in_a_batch,
        signal_state_of_a_user,
        prekeys,
        prekeys_in_a_batch,
        the_highest_prekey,
        an_uploaded_prekey_that_was_used_stays_gone,
        signed_prekeys,
        sender_keys;
    app_state:
        sync_keys,
        the_latest_sync_key_is_the_last_one_stored,
        versions,
        mutation_macs,
        thousands_of_mutation_macs,
        mutation_macs_of_one_collection_are_cleared;
    protocol:
        sender_key_devices,
        sender_key_devices_are_forgotten,
        lid_mappings,
        lid_mappings_in_a_batch,
        the_latest_lid_of_a_phone,
        base_keys,
        device_lists,
        group_metadata,
        tc_tokens,
        a_received_token_leaves_our_own_time,
        our_own_time_leaves_the_received_token,
        old_tokens_go_when_both_times_are_past,
        sent_messages,
        old_sent_messages,
        pending_inbound,
        pending_inbound_in_a_batch,
        old_pending_inbound,
        parts_of_a_key_do_not_run_together;
    secret:
        secrets,
        a_second_word_on_a_secret_shortens_nothing,
        a_batch_with_one_secret_twice,
        old_secrets;
    device:
        a_device,
        a_device_is_made_once;
}
