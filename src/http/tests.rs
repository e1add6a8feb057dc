//! The HTTP server with a real store, on a real port, with short timeouts and low limits.

mod backpressure;
mod close_codes;
mod engine_handlers;
mod fan_out;
mod fixture;
mod instructions;
mod legacy_protocol;
mod panics;
mod rendering;
mod response_cache;
mod socket;
mod streams;

use std::time::Duration;

use super::{Config, ConnectionConfig};
use crate::auth::key_cache::KEY_CACHE_TTL_MS;

#[test]
fn a_revoked_key_is_out_within_ten_seconds() {
    let remembered = Duration::from_millis(KEY_CACHE_TTL_MS.unsigned_abs());
    assert!(remembered + Config::default().verify < Duration::from_secs(10));
}

#[test]
fn the_http_config_has_the_documented_defaults() {
    let Config { max_body, max_init, max_batch, max_operations, max_messages, .. } = Config::default();
    assert_eq!((max_body, max_init), (1024 * 1024, 16 * 1024));
    assert_eq!((max_batch, max_operations, max_messages), (10, 100, 50));
    let Config { init_timeout, heartbeat, body_timeout, drain_window, .. } = Config::default();
    assert_eq!([init_timeout, heartbeat, body_timeout, drain_window].map(|time| time.as_secs()), [10, 12, 30, 2]);
    let ConnectionConfig { connections, connections_per_address, anonymous_per_address, .. } =
        ConnectionConfig::default();
    assert_eq!((connections, connections_per_address, anonymous_per_address), (10_000, 2_000, 200));
    let ConnectionConfig { headers, head, streams, control_frames, .. } = ConnectionConfig::default();
    assert_eq!((headers, head, streams, control_frames), (64, 32 * 1024, 100, 50));
    let ConnectionConfig { head_timeout, idle_timeout, write_timeout, heartbeat, drain, .. } =
        ConnectionConfig::default();
    let times = [head_timeout, idle_timeout, write_timeout, heartbeat, drain];
    assert_eq!(times.map(|time| time.as_secs()), [10, 75, 30, 20, 4]);
}

#[test]
fn a_silent_client_is_disconnected_within_ninety_seconds() {
    let Config { heartbeat, silence, write_timeout, .. } = Config::default();
    // One ping, the timeout until the next ping is due, and the write timeout of the close frame.
    assert!(heartbeat + silence + heartbeat + write_timeout < Duration::from_secs(90));
}
