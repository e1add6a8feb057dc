//! The server's side of the Noise handshake.
//!
//! Only the IK pattern leads anywhere: the client knows the server's key beforehand. The XX pattern needs a certificate
//! of the real service, which a sandbox cannot have: it shows one that nobody has signed, for the client to refuse.

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
            CertChain, ClientPayload, HandshakeMessage,
            cert_chain::{NoiseCertificate, noise_certificate::Details},
            handshake_message::ServerHello,
        },
    },
};

use crate::key;

/// Why a client is not let in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the first message is not a client hello")]
    NoHello,
    #[error("the client asks for a certificate (XX handshake); it must know this server's key beforehand")]
    NoCertificate {
        /// The client's ephemeral key.
        ephemeral: Vec<u8>,
    },
    #[error("the client expects another server key")]
    WrongKey(#[source] HandshakeError),
    #[error("the handshake failed")]
    Failed(#[from] HandshakeError),
    #[error("the client's payload cannot be read")]
    Payload(#[source] whatsapp_rust::buffa::DecodeError),
}

/// A handshake that succeeded.
pub(crate) struct Session {
    /// What to answer, still to be framed.
    pub(crate) hello: Vec<u8>,
    /// The client's static key: who it is.
    pub(crate) client: [u8; 32],
    /// What the client says about itself.
    pub(crate) payload: ClientPayload,
    /// Opens what the client sends.
    pub(crate) inbound: NoiseCipher,
    /// Seals what the server sends.
    pub(crate) outbound: NoiseCipher,
}

/// Answers a client hello.
pub(crate) fn respond(hello: &[u8], server: &KeyPair) -> Result<Session, Refusal> {
    let message = codec::handshake_message_decode(hello).map_err(|_| Refusal::NoHello)?;
    let hello = message.client_hello.into_option().ok_or(Refusal::NoHello)?;
    let ephemeral = hello.ephemeral.ok_or(Refusal::NoHello)?;
    let (Some(sealed_key), Some(sealed_payload)) = (hello.r#static, hello.payload) else {
        return Err(Refusal::NoCertificate { ephemeral });
    };

    let mut noise = NoiseHandshake::new(NOISE_PATTERN_IK, &WA_CONN_HEADER)?;
    noise.authenticate(server.public_key.public_key_bytes());
    noise.authenticate(&ephemeral);
    noise.mix_shared_secret(server.private_key.serialize(), &ephemeral)?;
    let client = noise.decrypt(&sealed_key).map_err(Refusal::WrongKey)?;
    noise.mix_shared_secret(server.private_key.serialize(), &client)?;
    let payload = noise.decrypt(&sealed_payload)?;

    let own = KeyPair::generate(&mut key::rng());
    noise.authenticate(own.public_key.public_key_bytes());
    noise.mix_shared_secret(own.private_key.serialize(), &ephemeral)?;
    noise.mix_shared_secret(own.private_key.serialize(), &client)?;
    let certificate = noise.encrypt(&certificate(server))?;
    let answer = HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(own.public_key.public_key_bytes().to_vec()),
            payload: Some(certificate),
            ..Default::default()
        }),
        ..Default::default()
    };
    let (inbound, outbound) = noise.finish()?;
    Ok(Session {
        hello: codec::handshake_message_to_vec(&answer),
        client: client.as_slice().try_into().map_err(|_| Refusal::NoHello)?,
        payload: ClientPayload::decode_from_slice(&payload).map_err(Refusal::Payload)?,
        inbound,
        outbound,
    })
}

/// What a client is answered that asks for a certificate: this server's key, vouched for by nobody. It must go then.
pub(crate) fn introduce(ephemeral: &[u8], server: &KeyPair) -> Result<Vec<u8>, Refusal> {
    let mut noise = NoiseHandshake::new(NOISE_PATTERN_XX, &WA_CONN_HEADER)?;
    let own = KeyPair::generate(&mut key::rng());
    noise.authenticate(ephemeral);
    noise.authenticate(own.public_key.public_key_bytes());
    noise.mix_shared_secret(own.private_key.serialize(), ephemeral)?;
    let sealed_key = noise.encrypt(server.public_key.public_key_bytes())?;
    noise.mix_shared_secret(server.private_key.serialize(), ephemeral)?;
    let certificate = noise.encrypt(&certificate(server))?;
    let answer = HandshakeMessage {
        server_hello: MessageField::some(ServerHello {
            ephemeral: Some(own.public_key.public_key_bytes().to_vec()),
            r#static: Some(sealed_key),
            payload: Some(certificate),
            ..Default::default()
        }),
        ..Default::default()
    };
    Ok(codec::handshake_message_to_vec(&answer))
}

/// A chain in the usual shape, unsigned: with the IK pattern, the client does not look at it.
fn certificate(server: &KeyPair) -> Vec<u8> {
    let part = |serial, issuer_serial| {
        let details = Details {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(server.public_key.public_key_bytes().to_vec()),
            ..Default::default()
        };
        MessageField::some(NoiseCertificate { details: Some(details.encode_to_vec()), signature: Some(vec![0; 64]) })
    };
    CertChain { leaf: part(2, 1), intermediate: part(1, 0) }.encode_to_vec()
}
