//! Fault injection: errors of the server on request.

use serde::{Deserialize, Serialize};

/// A fault that applies to a number of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// Kind of fault.
    pub kind: FaultKind,
    /// Number of requests that it applies to.
    #[serde(default = "once")]
    pub times: u32,
    /// Only this account, by its number; absent: any.
    #[serde(default)]
    pub phone: Option<String>,
    /// Only this app-state collection, such as `regular_low`; absent: any.
    #[serde(default)]
    pub collection: Option<String>,
    /// For [`FaultKind::Delay`]: the delay in milliseconds; absent: a second.
    #[serde(default)]
    pub ms: Option<u64>,
    /// Requests that it applies to; absent: uploads, and for [`FaultKind::Lthash`] fetches.
    #[serde(default)]
    pub on: Option<On>,
    /// For [`FaultKind::Cut`]: the moment of the cut; absent: [`When::Before`].
    #[serde(default)]
    pub when: Option<When>,
    /// For [`FaultKind::Lthash`]: the MAC that is wrong; absent: [`Part::Patch`].
    #[serde(default)]
    pub part: Option<Part>,
}

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum FaultKind {
    /// A companion's app-state upload conflicts: the server stores a patch of the phone before it handles the upload,
    /// and returns 409 with that patch.
    Conflict,
    /// The server answers late.
    Delay,
    /// The server closes the connection before or while it answers.
    Cut,
    /// The server permanently rejects the request, with 400.
    Refuse,
    /// A MAC in fetched data is wrong. Applies once there is data to fetch.
    Lthash,
}

/// Requests of a companion that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum On {
    /// Uploading a setting.
    Upload,
    /// Fetching new patches of a collection, or all of it.
    Fetch,
}

/// Moments at which a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum When {
    /// Before the server does anything: an upload is lost.
    Before,
    /// After half of the response was written: an upload is stored.
    During,
    /// After an upload was stored, and before the response is written.
    After,
}

/// MACs that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// The patch's own MAC: the patch cannot be applied.
    Patch,
    /// The MAC of the collection after the patch: the patch can be applied, but is inconsistent with earlier state.
    Snapshot,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// Creates a fault that applies once, to any request.
    #[must_use]
    pub fn once(kind: FaultKind) -> Self {
        Self { kind, times: 1, phone: None, collection: None, ms: None, on: None, when: None, part: None }
    }

    /// Returns the first invalid combination of fields; `None` if the fault is valid.
    #[must_use]
    pub fn invalid_combination(&self) -> Option<&'static str> {
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
        flaws.into_iter().find_map(|(is_there, invalid_combination)| is_there.then_some(invalid_combination))
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

/// Injected faults that still apply.
#[derive(Debug, Default)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds a fault after the others.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// Removes all faults.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// Returns the first fault for this request, and counts it. `has_something` is true if a fetch returns any data.
    pub(crate) fn apply_fault(&mut self, phone: &str, collection: &str, on: On, has_something: bool) -> Option<Fault> {
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
    fn a_fault_applies_to_matching_requests_a_given_number_of_times() {
        let mut faults = Faults::default();
        faults.inject(Fault { times: 2, on: Some(On::Fetch), ..Fault::once(FaultKind::Refuse) });
        faults.inject(Fault { phone: Some("1".to_owned()), ..Fault::once(FaultKind::Cut) });
        faults.inject(Fault { collection: Some("regular".to_owned()), ..Fault::once(FaultKind::Lthash) });
        let mut applied = |phone, collection, on, has_something| {
            faults.apply_fault(phone, collection, on, has_something).map(|fault| fault.kind)
        };
        assert_eq!(applied("2", "regular", On::Upload, false), None, "another account");
        assert_eq!(applied("1", "regular", On::Upload, false), Some(FaultKind::Cut));
        assert_eq!(applied("1", "regular", On::Upload, false), None, "the fault was injected once");
        for _ in 0..2 {
            assert_eq!(applied("2", "regular", On::Fetch, true), Some(FaultKind::Refuse));
        }
        assert_eq!(applied("2", "regular", On::Fetch, false), None, "no MAC to corrupt");
        assert_eq!(applied("2", "regular_low", On::Fetch, true), None, "another collection");
        assert_eq!(applied("2", "regular", On::Fetch, true), Some(FaultKind::Lthash));
    }
}
