//! The device list of an account: companions cache it, and are notified of changes.

use super::account::Account;
use crate::{
    clock,
    companion::queue::{Content, Item},
    lock::locked,
    pairing::adv,
    wire::node::{Node, SERVER, node},
};

impl Account {
    /// Notifies the companions that devices were added (`add`) or removed (`remove`). Added ones are not notified.
    pub(crate) fn devices_changed(&self, kind: &'static str, changed: &[u16]) {
        let mut companions = locked(&self.companions);
        let listed: Vec<_> = companions.all().map(|(device, _)| u32::from(device)).collect();
        let now = clock::seconds(clock::now_ms()).to_string();
        let list = node("key-index-list").attr("ts", now.as_str());
        let list = match adv::key_index_list(&self.identity, self.raw_id, listed) {
            Ok(signed) if kind == "add" => list.bytes(signed).build(),
            _ => list.build(),
        };
        // The owner has two addresses, and clients store a list for each.
        for by_lid in [false, true] {
            let devices = changed.iter().map(|device| self.device(*device, by_lid));
            let change = node(kind).children(devices.chain([list.clone()])).build();
            let from = if by_lid { format!("{}@lid", self.lid) } else { self.jid() };
            for (_, companion) in companions.all_mut().filter(|(device, _)| !changed.contains(device)) {
                let id = self.stanza_id();
                let notice = node("notification")
                    .attr("from", from.as_str())
                    .attr("type", "devices")
                    .attr("id", id.as_str())
                    .attr("t", now.as_str())
                    .children([change.clone()])
                    .build();
                companion.push(Item { id, node: notice, content: Content::Notice });
            }
        }
    }

    fn device(&self, device: u16, by_lid: bool) -> Node {
        let lid = format!("{}:{device}@lid", self.lid);
        let entry = node("device").attr("key-index", device.to_string());
        if by_lid {
            return entry.attr("jid", lid).build();
        }
        entry.attr("jid", format!("{}:{device}@{SERVER}", self.number)).attr("lid", lid).build()
    }
}
