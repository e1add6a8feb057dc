//! Pairing of clients as companions of a phone.
//!
//! `registry` has the connections that wait for it, `qr` parses QR codes, and `adv` signs device identities. The
//! owner's part is in `phone`, the client's in `server`.

pub(crate) mod adv;
pub(crate) mod qr;
pub(crate) mod registry;
