//! Which lost connections the library gets back by itself: the one that WhatsApp ends because a device was linked on it,
//! and no other. The library's own pauses grow to a quarter of an hour and are nearly the same on every session, so that
//! all sessions of a process would come back in step; what is lost otherwise is answered by the supervisor.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use whatsapp_rust::Client;
use whatsapp_rust::types::events::Event;
use whatsapp_rust::types::events::EventHandler;
use whatsapp_rust::types::events::EventInterest;
use whatsapp_rust::types::events::EventKind;

/// The library's switch.
struct Returning(Arc<AtomicBool>);

/// Keeps `client` from coming back by itself, but for the moment of its pairing. To be called before it runs, and for as
/// long as the returned guard lives.
///
/// The switch has to be set before the library looks at it: events are told from where it looks next.
pub(super) fn only_when_paired(client: &Arc<Client>) -> impl Send + use<> {
    let switch = Arc::clone(&client.enable_auto_reconnect);
    switch.store(false, Ordering::Relaxed);
    client.subscribe_handler(Arc::new(Returning(switch)))
}

impl EventHandler for Returning {
    fn handle_event(&self, event: Arc<Event>) {
        match *event {
            // A device may be linked from now on; the connection then goes down once and comes back with the link.
            Event::PairingQrCode(_) => self.0.store(true, Ordering::Relaxed),
            Event::Connected(_) | Event::Disconnected(_) => self.0.store(false, Ordering::Relaxed),
            _ => {}
        }
    }

    fn interest(&self) -> EventInterest {
        EventInterest::of(&[EventKind::PairingQrCode, EventKind::Connected, EventKind::Disconnected])
    }
}
