//! The server's side of the Noise handshake.
//!
//! With the IK pattern the client knows the server's key in advance, and each side sends one message. With the XX
//! pattern it requests the key with a certificate chain, and continues only if it trusts the chain's root.

use whatsapp_rust::{
    buffa::{Message, MessageField},
    wacore::{
        handshake::{HandshakeError, NoiseCipher, NoiseHandshake},
        libsignal::protocol::KeyPair,
    },
    wacore_binary::consts::{NOISE_PATTERN_IK, NOISE_PATTERN_XX, WA_CONN_HEADER},
    waproto::{
        codec,
        whatsapp::{
            ClientPayload, HandshakeMessage,
            handshake_message::{ClientHello, ServerHello},
        },
    },
};

use super::certificate::Identity;
use crate::crypto;

/// Reason for rejecting a client.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the first message is not a client hello")]
    NoHello,
    #[error("the second message is not a client finish")]
    NoFinish,
    #[error("the client expects another server key")]
    WrongKey(#[source] HandshakeError),
    #[error("the handshake failed")]
    Failed(#[from] HandshakeError),
    #[error("the client's payload cannot be read")]
    Payload(#[source] whatsapp_rust::buffa::DecodeError),
}

/// A handshake after the client's first message.
pub(crate) enum Handshake {
    /// IK: it has succeeded; the response must still be framed and sent.
    Complete(Vec<u8>, Session),
    /// XX: the client decides after the response.
    Introduced(Vec<u8>, Introduction),
}

/// A successful handshake.
pub(crate) struct Session {
    /// The client's static key, which identifies it.
    pub(crate) client: [u8; 32],
    /// The client's payload.
    pub(crate) payload: ClientPayload,
    /// Decrypts the client's frames.
    pub(crate) inbound: NoiseCipher,
    /// Encrypts the server's frames.
    pub(crate) outbound: NoiseCipher,
}

/// Answers a client hello.
pub(crate) fn respond(hello: &[u8], server: &Identity) -> Result<Handshake, Refusal> {
    let message = codec::handshake_message_decode(hello).map_err(|_| Refusal::NoHello)?;
    let hello = message.client_hello.into_option().ok_or(Refusal::NoHello)?;
    let ClientHello { ephemeral: Some(ephemeral), r#static, payload, .. } = hello else {
        return Err(Refusal::NoHello);
    };
    match (r#static, payload) {
        (Some(key), Some(payload)) => complete(&ephemeral, &key, &payload, server),
        _ => introduce(&ephemeral, server),
    }
}

fn complete(ephemeral: &[u8], sealed_key: &[u8], payload: &[u8], server: &Identity) -> Result<Handshake, Refusal> {
    let Identity { key: server, chain, .. } = server;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(server.public_key.public_key_bytes());
    noise.authenticate(ephemeral);
    noise.mix_shared_secret(server.private_key.serialize(), ephemeral)?;
    let client = noise.decrypt(sealed_key).map_err(Refusal::WrongKey)?;
    noise.mix_shared_secret(server.private_key.serialize(), &client)?;
    let payload = noise.decrypt(payload)?;

    let own = KeyPair::generate(&mut crypto::rng());
    noise.authenticate(own.public_key.public_key_bytes());
    noise.mix_shared_secret(own.private_key.serialize(), ephemeral)?;
    noise.mix_shared_secret(own.private_key.serialize(), &client)?;
    // With this pattern, the client does not check the chain.
    let hello = hello(&own, None, noise.encrypt(chain)?);
    Ok(Handshake::Complete(hello, Session::new(noise, &client, &payload)?))
}

fn introduce(ephemeral: &[u8], server: &Identity) -> Result<Handshake, Refusal> {
    let Identity { key: server, chain, .. } = server;
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER)?;
    let own = KeyPair::generate(&mut crypto::rng());
    noise.authenticate(ephemeral);
    noise.authenticate(own.public_key.public_key_bytes());
    noise.mix_shared_secret(own.private_key.serialize(), ephemeral)?;
    let sealed_key = noise.encrypt(server.public_key.public_key_bytes())?;
    noise.mix_shared_secret(server.private_key.serialize(), ephemeral)?;
    let hello = hello(&own, Some(sealed_key), noise.encrypt(chain)?);
    Ok(Handshake::Introduced(hello, Introduction { noise, own }))
}

/// The server's part of an XX handshake, completed.
pub(crate) struct Introduction {
    noise: NoiseHandshake,
    own: KeyPair,
}

impl Introduction {
    /// Parses the message with which a client that accepted the certificate completes the handshake.
    pub(crate) fn finish(self, finish: &[u8]) -> Result<Session, Refusal> {
        let Self { mut noise, own } = self;
        let message = codec::handshake_message_decode(finish).map_err(|_| Refusal::NoFinish)?;
        let finish = message.client_finish.into_option().ok_or(Refusal::NoFinish)?;
        let (key, payload) = finish.r#static.zip(finish.payload).ok_or(Refusal::NoFinish)?;
        let client = noise.decrypt(&key)?;
        noise.mix_shared_secret(own.private_key.serialize(), &client)?;
        let payload = noise.decrypt(&payload)?;
        Session::new(noise, &client, &payload)
    }
}

impl Session {
    fn new(noise: NoiseHandshake, client: &[u8], payload: &[u8]) -> Result<Self, Refusal> {
        let (inbound, outbound) = noise.finish()?;
        Ok(Self {
            client: client.try_into().map_err(|_| Refusal::NoHello)?,
            payload: ClientPayload::decode_from_slice(payload).map_err(Refusal::Payload)?,
            inbound,
            outbound,
        })
    }
}

fn hello(own: &KeyPair, sealed_key: Option<Vec<u8>>, sealed_chain: Vec<u8>) -> Vec<u8> {
    let hello = ServerHello {
        ephemeral: Some(own.public_key.public_key_bytes().to_vec()),
        r#static: sealed_key,
        payload: Some(sealed_chain),
        ..Default::default()
    };
    codec::handshake_message_to_vec(&HandshakeMessage { server_hello: MessageField::some(hello), ..Default::default() })
}

#[cfg(test)]
mod tests {
    use whatsapp_rust::waproto::whatsapp::handshake_message::ClientFinish;

    use super::*;
    use crate::wire::certificate::tests::verify;

    #[test]
    fn a_client_that_trusts_the_root_completes_xx() {
        let identity = Identity::from_secret("one").unwrap();
        let (own, client) = (KeyPair::generate(&mut crypto::rng()), KeyPair::generate(&mut crypto::rng()));
        let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER).unwrap();
        let ephemeral = own.public_key.public_key_bytes();
        noise.authenticate(ephemeral);
        let hello = ClientHello { ephemeral: Some(ephemeral.to_vec()), ..Default::default() };
        let hello = HandshakeMessage { client_hello: MessageField::some(hello), ..Default::default() };
        let Ok(Handshake::Introduced(answer, introduction)) =
            respond(&codec::handshake_message_to_vec(&hello), &identity)
        else {
            panic!("no introduction")
        };
        let answer = codec::handshake_message_decode(&answer).unwrap().server_hello.into_option().unwrap();
        let theirs = answer.ephemeral.unwrap();
        noise.authenticate(&theirs);
        noise.mix_shared_secret(own.private_key.serialize(), &theirs).unwrap();
        let server = noise.decrypt(&answer.r#static.unwrap()).unwrap();
        noise.mix_shared_secret(own.private_key.serialize(), &server).unwrap();
        let chain = noise.decrypt(&answer.payload.unwrap()).unwrap();
        assert_eq!(verify(&chain, &identity.root).unwrap().as_slice(), server);

        let ciphertext = noise.encrypt(client.public_key.public_key_bytes()).unwrap();
        noise.mix_shared_secret(client.private_key.serialize(), &theirs).unwrap();
        let payload = ClientPayload { username: Some(15_550_100_001), ..Default::default() };
        let payload = noise.encrypt(&payload.encode_to_vec()).unwrap();
        let finish = ClientFinish { r#static: Some(ciphertext), payload: Some(payload), ..Default::default() };
        let finish = HandshakeMessage { client_finish: MessageField::some(finish), ..Default::default() };
        let session = introduction.finish(&codec::handshake_message_to_vec(&finish)).unwrap();

        assert_eq!(session.client, client.public_key.public_key_bytes());
        assert_eq!(session.payload.username, Some(15_550_100_001));
        let (outbound, _) = noise.finish().unwrap();
        let ciphertext = outbound.encrypt_with_counter(0, b"hello").unwrap();
        let mut opened = whatsapp_rust::bytes::BytesMut::from(&ciphertext[..]);
        session.inbound.decrypt_in_place_with_counter(0, &mut opened).unwrap();
        assert_eq!(&opened[..], b"hello");
    }
}
