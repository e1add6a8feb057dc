//! Faults on demand: what the server does wrong the next few times.

use serde::{Deserialize, Serialize};

/// Something that shall go wrong, a number of times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// How often, before all is well again.
    #[serde(default = "once")]
    pub times: u32,
    /// Only this account, by its number; absent: any.
    #[serde(default)]
    pub phone: Option<String>,
    /// Only this app-state collection, such as `regular_low`; absent: any.
    #[serde(default)]
    pub collection: Option<String>,
    /// For [`FaultKind::Delay`]: how long, in milliseconds.
    #[serde(default)]
    pub ms: Option<u64>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FaultKind {
    /// A companion's app-state upload meets another one that came first: the server stores a
    /// patch of the phone before it looks at the upload, and answers 409 with it.
    Conflict,
    /// The server answers an app-state upload late.
    Delay,
    /// The server closes the connection instead of answering an app-state upload, which is lost.
    Cut,
    /// The server refuses an app-state upload for good, with 400.
    Refuse,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault that strikes once, whoever comes.
    #[must_use]
    pub fn once(kind: FaultKind) -> Self {
        Self { kind, times: 1, phone: None, collection: None, ms: None }
    }
}

/// The faults that have been asked for and have not struck often enough yet.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault behind the ones that wait.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Nothing goes wrong any more.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Takes the first fault meant for this upload, and counts it down.
    pub(crate) fn strike(&mut self, phone: &str, collection: &str) -> Option<Fault> {
        self.0.retain(|fault| fault.times > 0);
        let fault = self.0.iter_mut().find(|fault| {
            fault.phone.as_deref().is_none_or(|wanted| wanted == phone)
                && fault.collection.as_deref().is_none_or(|wanted| wanted == collection)
        })?;
        fault.times -= 1;
        Some(fault.clone())
    }
}
