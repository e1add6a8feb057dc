//! The account that owns a session, and whether its device is linked to that account.

use crate::domain::session::Account;

/// The owner of a session.
pub(super) struct ExpectedAccount {
    /// The account that it belongs to; `None` before its first pairing.
    pub(super) account: Option<Account>,
    /// True if the device is linked to another account. Its events are ignored, and it is unlinked as soon as possible.
    pub(super) is_another: bool,
}

impl ExpectedAccount {
    /// Creates the owner of a session of `account` whose device is linked to `linked`.
    pub(super) fn new(account: Option<Account>, linked: Option<&Account>) -> Self {
        let mut owner = Self { account, is_another: false };
        owner.is_another = linked.is_some_and(|linked| !owner.matches(linked));
        owner
    }

    /// Returns whether the session may be linked to this account.
    pub(super) fn matches(&self, linked: &Account) -> bool {
        self.account.as_ref().is_none_or(|own| own.is(linked))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(number: &str) -> Account {
        Account { jid: format!("{number}@s.whatsapp.net").parse().unwrap(), lid: None }
    }

    #[test]
    fn a_link_to_another_account_is_detected_at_the_next_start() {
        let (own, other) = (account("15550100001"), account("15550100002"));
        assert!(ExpectedAccount::new(Some(own.clone()), Some(&other)).is_another);
        assert!(!ExpectedAccount::new(Some(own.clone()), Some(&own)).is_another);
        assert!(!ExpectedAccount::new(Some(own), None).is_another, "it waits to be paired");
        assert!(!ExpectedAccount::new(None, Some(&other)).is_another, "its first account is not stored yet");
    }
}
