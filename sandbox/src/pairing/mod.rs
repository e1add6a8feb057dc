//! Pairing: how a client becomes a companion of a phone.
//!
//! `desk` knows which connections wait for a phone, `qr` reads what they show, `adv` makes the papers
//! by which the account vouches for the companion, `scan` is the whole walk; `code` is the other way to begin it.

pub(crate) mod adv;
pub(crate) mod code;
pub(crate) mod desk;
mod qr;
mod scan;
