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
    /// For [`FaultKind::Delay`]: how long, in milliseconds; absent: a second.
    #[serde(default)]
    pub ms: Option<u64>,
    /// Which requests meet it; absent: uploads, and for [`FaultKind::Lthash`] fetches.
    #[serde(default)]
    pub on: Option<On>,
    /// For [`FaultKind::Cut`]: at which moment; absent: [`When::Before`].
    #[serde(default)]
    pub when: Option<When>,
    /// For [`FaultKind::Lthash`]: which check value is wrong; absent: [`Part::Patch`].
    #[serde(default)]
    pub part: Option<Part>,
}

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FaultKind {
    /// A companion's app-state upload meets another one that came first: the server stores a
    /// patch of the phone before it looks at the upload, and answers 409 with it.
    Conflict,
    /// The server answers late.
    Delay,
    /// The server closes the connection instead of answering, or while it does.
    Cut,
    /// The server refuses what is asked for good, with 400.
    Refuse,
    /// What a companion fetches does not add up: a check value in it is wrong. It strikes where there is something to
    /// fetch.
    Lthash,
}

/// What a companion asks for that can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum On {
    /// It uploads a setting.
    Upload,
    /// It fetches what is new in a collection, or all of it.
    Fetch,
}

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// Before the server did anything: an upload is lost.
    Before,
    /// When half of the answer is written: an upload is stored.
    During,
    /// After an upload was stored, and before a word of the answer is written.
    After,
}

/// Which check value is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// A patch's own: it cannot be read.
    Patch,
    /// That of the collection as it is with the patch: the patch can be read, and does not fit what came before it.
    Snapshot,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// A fault that strikes once, whoever comes.
    #[must_use]
    pub fn once(kind: FaultKind) -> Self {
        Self { kind, times: 1, phone: None, collection: None, ms: None, on: None, when: None, part: None }
    }

    /// What does not go together in it; none when it can strike.
    #[must_use]
    pub fn flaw(&self) -> Option<&'static str> {
        let (kind, is_fetch) = (self.kind, self.on() == On::Fetch);
        let flaws = [
            (self.times == 0, "times must be at least 1"),
            (self.ms.is_some() && kind != FaultKind::Delay, "ms is only valid for a delay"),
            (self.when.is_some() && kind != FaultKind::Cut, "when is only valid for a cut"),
            (self.part.is_some() && kind != FaultKind::Lthash, "part is only valid for lthash"),
            (is_fetch && kind == FaultKind::Conflict, "only an upload can have a conflict"),
            (!is_fetch && kind == FaultKind::Lthash, "only a fetch can have a wrong MAC"),
            (
                is_fetch && self.when == Some(When::After),
                "a fetch stores nothing: it can only be cut before or during the response",
            ),
        ];
        flaws.into_iter().find_map(|(is_there, flaw)| is_there.then_some(flaw))
    }

    fn on(&self) -> On {
        self.on.unwrap_or(if self.kind == FaultKind::Lthash { On::Fetch } else { On::Upload })
    }

    fn is_meant_for(&self, phone: &str, collection: &str, on: On, has_something: bool) -> bool {
        self.on() == on
            && (has_something || self.kind != FaultKind::Lthash)
            && self.phone.as_deref().is_none_or(|wanted| wanted == phone)
            && self.collection.as_deref().is_none_or(|wanted| wanted == collection)
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

    /// Takes the first fault meant for this request, and counts it down. `has_something` says whether the answer to a
    /// fetch will have anything in it.
    pub(crate) fn strike(&mut self, phone: &str, collection: &str, on: On, has_something: bool) -> Option<Fault> {
        self.0.retain(|fault| fault.times > 0);
        let fault = self.0.iter_mut().find(|fault| fault.is_meant_for(phone, collection, on, has_something))?;
        fault.times -= 1;
        Some(fault.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_whom_it_is_meant_for_and_as_often_as_it_was_asked_for() {
        let mut faults = Faults::default();
        faults.inject(Fault { times: 2, on: Some(On::Fetch), ..Fault::once(FaultKind::Refuse) });
        faults.inject(Fault { phone: Some("1".to_owned()), ..Fault::once(FaultKind::Cut) });
        faults.inject(Fault { collection: Some("regular".to_owned()), ..Fault::once(FaultKind::Lthash) });
        let mut struck = |phone, collection, on, has_something| {
            faults.strike(phone, collection, on, has_something).map(|fault| fault.kind)
        };
        assert_eq!(struck("2", "regular", On::Upload, false), None, "another account");
        assert_eq!(struck("1", "regular", On::Upload, false), Some(FaultKind::Cut));
        assert_eq!(struck("1", "regular", On::Upload, false), None, "it was asked for once");
        for _ in 0..2 {
            assert_eq!(struck("2", "regular", On::Fetch, true), Some(FaultKind::Refuse));
        }
        assert_eq!(struck("2", "regular", On::Fetch, false), None, "there is nothing that could fail to add up");
        assert_eq!(struck("2", "regular_low", On::Fetch, true), None, "another collection");
        assert_eq!(struck("2", "regular", On::Fetch, true), Some(FaultKind::Lthash));
    }
}
