//! Pairing of clients as companions of a phone.
//!
//! `qr` parses the QR code, `adv` signs the identities by which the account vouches for the companion, and `scan`
//! performs the pairing. `code` starts it with a phone code instead.

pub(crate) mod adv;
pub(crate) mod code;
mod qr;
pub(crate) mod registry;
mod scan;
