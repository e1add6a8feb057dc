//! Blobs that companions download over HTTP: encrypted snapshots and long chunks of history, and pictures.

use std::{collections::HashMap, fs, path::PathBuf, sync::Mutex};

use whatsapp_rust::{
    bytes::Bytes,
    wacore::{
        download::MediaType,
        upload::{EncryptedMedia, encrypt_media},
    },
};

use super::file::replace;
use crate::{Error, crypto, lock::locked};

/// The blobs, by the last part of their path: in memory, or as files in a folder.
#[derive(Debug)]
pub(crate) enum Media {
    Memory(Mutex<HashMap<String, Bytes>>),
    Folder(PathBuf),
}

/// Data with which a client downloads and decrypts a blob.
#[derive(Debug, Clone)]
pub(crate) struct Reference {
    pub(crate) path: String,
    pub(crate) key: Vec<u8>,
    pub(crate) sha256: Vec<u8>,
    pub(crate) encrypted_sha256: Vec<u8>,
    /// Length of the plaintext.
    pub(crate) length: u64,
}

impl Media {
    /// Encrypts a blob and stores it for as long as the rest of the sandbox's state.
    pub(crate) fn store(&self, plain: &[u8], kind: MediaType) -> Result<Reference, Error> {
        let EncryptedMedia { data_to_upload, media_key, file_sha256, file_enc_sha256, .. } = encrypt_media(plain, kind)
            .map_err(|error| Error::protocol("a blob cannot be encrypted", error.into_boxed_dyn_error()))?;
        Ok(Reference {
            path: self.publish(&data_to_upload)?,
            key: media_key.to_vec(),
            sha256: file_sha256.to_vec(),
            encrypted_sha256: file_enc_sha256.to_vec(),
            length: plain.len() as u64,
        })
    }

    /// Stores a blob unencrypted, and returns the path.
    pub(crate) fn publish(&self, data: &[u8]) -> Result<String, Error> {
        let name = crypto::random_hex::<16>()?;
        match self {
            Self::Memory(blobs) => drop(locked(blobs).insert(name.clone(), Bytes::copy_from_slice(data))),
            Self::Folder(folder) => {
                let file = folder.join(&name);
                replace(&file, data).map_err(|error| Error::storage(&file, error))?;
            }
        }
        Ok(format!("/v/{name}"))
    }

    /// Returns a blob by the last part of its path.
    pub(crate) fn get(&self, name: &str) -> Option<Bytes> {
        match self {
            Self::Memory(blobs) => locked(blobs).get(name).cloned(),
            // Any other path could lead out of the folder.
            Self::Folder(_) if !name.bytes().all(|byte| byte.is_ascii_hexdigit()) => None,
            Self::Folder(folder) => fs::read(folder.join(name)).ok().map(Bytes::from),
        }
    }
}
