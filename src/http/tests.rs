//! The door in front of a real store, on a real port, with times and limits that a test can wait for.

mod ends;
mod fairness;
mod older;
mod rig;
mod socket;
mod streams;

use std::time::Duration;

use super::Config;
use crate::auth::token::FRESH_MS;

#[test]
fn a_revoked_key_is_out_within_ten_seconds() {
    let remembered = Duration::from_millis(FRESH_MS.unsigned_abs());
    assert!(remembered + Config::default().verify < Duration::from_secs(10));
}

#[test]
fn who_does_not_read_or_speak_is_gone_within_ninety_seconds() {
    let Config { heartbeat, silence, write_timeout, .. } = Config::default();
    // Asked at a heartbeat, noticed at another one, and told for as long as a message may take.
    assert!(heartbeat + silence + heartbeat + write_timeout < Duration::from_secs(90));
}
