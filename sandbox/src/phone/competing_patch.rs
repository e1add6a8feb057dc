//! A patch of the phone without an effect, so that a companion's upload conflicts.

use whatsapp_rust::{
    buffa::MessageField,
    waproto::whatsapp::{SyncActionValue, sync_action_value},
};

use super::{account::Account, mutation::Change};
use crate::Error;

/// Writes a setting into a collection that no chat shows.
pub(crate) fn write(account: &Account, collection: &str) -> Result<(), Error> {
    account.write(collection, |state| {
        if collection == "critical_block" {
            return Ok(vec![Change::own_name(&state.name)]);
        }
        let action = sync_action_value::LocaleSetting { locale: Some("en".to_owned()) };
        let value = SyncActionValue { locale_setting: MessageField::some(action), ..Default::default() };
        Ok(vec![Change { index: vec!["sandbox_interference".to_owned()], version: 1, value, removed: false, at: None }])
    })
}
