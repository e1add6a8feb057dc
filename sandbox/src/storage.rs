//! The folder of a sandbox's state, from which a later sandbox resumes, even after a kill.
//!
//! `accounts/NUMBER.json` is an account with all state of its phone and of the server. It is replaced as a whole after
//! changes. `blobs/` has the files that companions download, and `lock` excludes a second sandbox. State is saved
//! before the stanzas that depend on it are sent (see `Account::save`). Otherwise a companion's ratchets and versions
//! could be ahead of the saved ones.
//!
//! To save more state, add it to a type that is saved already; foreign types are packed in `bytes`.

mod account_file;
pub(crate) mod bytes;
mod file;
mod folder;
pub(crate) mod media;

pub(crate) use account_file::AccountFile;
pub(crate) use file::replace;
pub(crate) use folder::Folder;
