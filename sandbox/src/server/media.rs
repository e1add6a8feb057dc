//! Encrypted blobs: snapshots and long chunks of history, downloaded beside the websocket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse,
};
use whatsapp_rust::{
    bytes::Bytes,
    wacore::{
        download::MediaType,
        upload::{EncryptedMedia, encrypt_media},
    },
};

use super::Server;
use crate::{Error, key, locked};

/// The blobs, by the path they are fetched at.
#[derive(Debug, Default)]
pub(crate) struct Media(Mutex<HashMap<String, Bytes>>);

/// What a client must be told to fetch and open a blob.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) path: String,
    pub(crate) key: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) encrypted_sha256: Vec<u8>,
    /// The length in clear.
    pub(crate) length: u64,
}

impl Media {
    /// Encrypts a blob and keeps it for as long as the sandbox runs.
    pub(crate) fn store(&self, plain: &[u8], kind: MediaType) -> Result<Reference, Error> {
        let EncryptedMedia { data_to_upload, media_key, file_sha256, file_enc_sha256, .. } = encrypt_media(plain, kind)
            .map_err(|error| Error::protocol("a blob cannot be encrypted", error.into_boxed_dyn_error()))?;
        let path = format!("/v/{}", key::random_hex::<16>()?);
        locked(&self.0).insert(path.clone(), data_to_upload.into());
        Ok(Reference {
            path,
            key: media_key.to_vec(),
            sha256: file_sha256.to_vec(),
            encrypted_sha256: file_enc_sha256.to_vec(),
            length: plain.len() as u64,
        })
    }

    fn get(&self, path: &str) -> Option<Bytes> {
        locked(&self.0).get(path).cloned()
    }
}

/// `GET /media/{path}`
pub(crate) async fn serve(State(server): State<Arc<Server>>, Path(path): Path<String>) -> impl IntoResponse {
    server.media.get(&format!("/{path}")).ok_or(StatusCode::NOT_FOUND)
}
