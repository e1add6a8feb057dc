//! Peer requests of companions to the phone: older messages of a chat, messages that could not be decrypted, and
//! app-state keys.

use whatsapp_rust::{
    buffa::{Message as _, MessageField},
    waproto::whatsapp::{
        Message, MessageKey,
        message::{
            AppStateSyncKey, AppStateSyncKeyId, AppStateSyncKeyRequest, PeerDataOperationRequestMessage,
            PeerDataOperationRequestResponseMessage, PeerDataOperationRequestType, ProtocolMessage,
            peer_data_operation_request_response_message::{
                PeerDataOperationResult, peer_data_operation_result::PlaceholderMessageResendResponse,
            },
            protocol_message,
        },
    },
};

use super::{account::Account, bootstrap, history};
use crate::{Error, lock::locked, storage::media::Media};

impl Account {
    /// Answers the request in the message `id` of the companion `device`.
    pub(crate) async fn answer(&self, media: &Media, device: u16, id: &str, requested: &Message) -> Result<(), Error> {
        // Some clients wrap it like a message of the owner.
        let requested = requested.device_sent_message.as_option().map_or(requested, |sent| &sent.message);
        let Some(requested) = requested.protocol_message.as_option() else {
            return Err(Error::Unsupported("a peer request without a protocol message"));
        };
        // Held while creating and queueing the answer, so that no message comes in between.
        let mut peers = self.peers.lock().await;
        let answer = if let Some(request) = requested.app_state_sync_key_request.as_option() {
            self.requested_keys(request)?
        } else if let Some(request) = requested.peer_data_operation_request_message.as_option() {
            self.requested_data(media, id, request)?
        } else {
            return Err(Error::Unsupported("an unknown kind of peer request"));
        };
        let outgoing = self.peer_message(answer)?;
        self.post(&mut peers, device, &outgoing).await
    }

    /// Returns the keys with these ids; only the id for an unknown one.
    fn requested_keys(&self, request: &AppStateSyncKeyRequest) -> Result<Message, Error> {
        let app_state = locked(&self.app_state);
        let ids: Vec<_> = request.key_ids.iter().filter_map(|id| id.key_id.as_deref()).collect();
        if app_state.keys().any(|key| key.unshared && ids.contains(&key.id.as_slice())) {
            return Err(Error::Unsupported("a response of a phone that is off"));
        }
        let mut share = bootstrap::key_share(self, app_state.keys().filter(|key| ids.contains(&key.id.as_slice())));
        let unknown = ids.iter().filter(|id| !app_state.keys().any(|key| key.id == **id));
        let unknown = unknown.map(|id| AppStateSyncKey {
            key_id: MessageField::some(AppStateSyncKeyId { key_id: Some(id.to_vec()) }),
            ..Default::default()
        });
        if let Some(protocol) = share.protocol_message.as_option_mut()
            && let Some(share) = protocol.app_state_sync_key_share.as_option_mut()
        {
            share.keys.extend(unknown);
        }
        Ok(share)
    }

    fn requested_data(
        &self,
        media: &Media,
        id: &str,
        request: &PeerDataOperationRequestMessage,
    ) -> Result<Message, Error> {
        let kind = request.peer_data_operation_request_type;
        let history = request.history_sync_on_demand_request.as_option();
        match (kind, history) {
            (Some(PeerDataOperationRequestType::HISTORY_SYNC_ON_DEMAND), Some(requested)) => {
                history::on_demand(self, media, id, requested)
            }
            (Some(PeerDataOperationRequestType::PLACEHOLDER_MESSAGE_RESEND), _) => {
                let requested = request.placeholder_message_resend_request.iter();
                let results = requested.map(|requested| self.resend(&requested.message_key)).collect();
                let response = PeerDataOperationRequestResponseMessage {
                    peer_data_operation_request_type: kind,
                    stanza_id: Some(id.to_owned()),
                    peer_data_operation_result: results,
                };
                let protocol = ProtocolMessage {
                    r#type: Some(protocol_message::Type::PEER_DATA_OPERATION_REQUEST_RESPONSE_MESSAGE),
                    peer_data_operation_request_response_message: MessageField::some(response),
                    ..Default::default()
                };
                Ok(Message { protocol_message: MessageField::some(protocol), ..Default::default() })
            }
            _ => Err(Error::Unsupported("a peer request for other data")),
        }
    }

    /// Returns a message as the phone has it; empty if it has none.
    fn resend(&self, key: &MessageKey) -> PeerDataOperationResult {
        let message = key.id.as_deref().and_then(|id| history::message(self, id));
        let response =
            PlaceholderMessageResendResponse { web_message_info_bytes: message.map(|message| message.encode_to_vec()) };
        PeerDataOperationResult {
            placeholder_message_resend_response: MessageField::some(response),
            ..Default::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_shared_by_id_and_of_an_unknown_one_the_id_alone() {
        let spec = serde_json::from_str(r#"{"phone": "15550100001", "name": "Ada"}"#).unwrap();
        let account = Account::new(&spec).unwrap();
        locked(&account.app_state).renew_key(true).unwrap();
        let known: Vec<_> = locked(&account.app_state).keys().map(|key| key.id.clone()).collect();
        let requested = |ids: &[&[u8]]| {
            let key_ids = ids.iter().map(|id| AppStateSyncKeyId { key_id: Some(id.to_vec()) }).collect();
            let answer = account.requested_keys(&AppStateSyncKeyRequest { key_ids })?;
            let keys = &answer.protocol_message.app_state_sync_key_share.keys;
            Ok::<_, Error>(keys.iter().map(|key| key.key_data.key_data.is_some()).collect::<Vec<_>>())
        };
        assert_eq!(requested(&[&known[0]]).unwrap(), [true]);
        assert_eq!(requested(&[&known[1], b"unknown"]).unwrap(), [true, false]);
        locked(&account.app_state).renew_key(false).unwrap();
        let unshared = locked(&account.app_state).keys().last().unwrap().id.clone();
        assert!(requested(&[&unshared]).is_err(), "the phone is off");
        locked(&account.app_state).share_keys();
        assert_eq!(requested(&[&unshared]).unwrap(), [true]);
    }
}
