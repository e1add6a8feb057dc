//! Control of the library's automatic reconnect: it is enabled only for the disconnect that follows the linking of a
//! device. The library's own delays grow to 15 minutes and are nearly equal for every session. All sessions of a
//! process would therefore reconnect at once. The supervisor handles all other lost connections.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use whatsapp_rust::{
    Client,
    types::events::{Event, EventHandler, EventInterest, EventKind},
};

/// The library's switch.
struct AutoReconnect(Arc<AtomicBool>);

/// Disables the automatic reconnect of `client`, except during pairing. Must be called before it runs; active for as
/// long as the returned guard lives.
///
/// The switch must be set before the library reads it; the library sends these events before it does.
pub(super) fn only_when_paired(client: &Arc<Client>) -> impl Send + use<> {
    let switch = Arc::clone(&client.enable_auto_reconnect);
    switch.store(false, Ordering::Relaxed);
    client.subscribe_handler(Arc::new(AutoReconnect(switch)))
}

impl EventHandler for AutoReconnect {
    fn handle_event(&self, event: Arc<Event>) {
        match *event {
            // A device may be linked from now on; the connection then closes once and reopens with the link.
            Event::PairingQrCode(_) => self.0.store(true, Ordering::Relaxed),
            Event::Connected(_) | Event::Disconnected(_) => self.0.store(false, Ordering::Relaxed),
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::PairingQrCode, EventKind::Connected, EventKind::Disconnected])
    }
}
