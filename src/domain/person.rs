//! A user with two addresses.

use serde::{Deserialize, Serialize};

use super::jid::{Jid, JidKind};

/// The two addresses of a user. Either can identify the chat with them, which is stored under the number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// The phone number's address.
    pub phone: Jid,
    /// The address that hides the number.
    pub lid: Jid,
}

impl Person {
    /// Returns the user with these two addresses, in either order; `None` unless they are a number and a LID.
    #[must_use]
    pub fn new(one: &Jid, other: &Jid) -> Option<Self> {
        let (phone, lid) = match (one.kind(), other.kind()) {
            (JidKind::PhoneNumber, JidKind::Lid) => (one, other),
            (JidKind::Lid, JidKind::PhoneNumber) => (other, one),
            _ => return None,
        };
        Some(Self { phone: phone.clone(), lid: lid.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_has_a_number_and_a_lid() {
        let jid = |text: &str| text.parse::<Jid>().expect("a JID");
        let (phone, lid) = (jid("15550100@s.whatsapp.net"), jid("100000000000001@lid"));
        let person = Person { phone: phone.clone(), lid: lid.clone() };
        assert_eq!(Person::new(&phone, &lid), Some(person.clone()));
        assert_eq!(Person::new(&lid, &phone), Some(person));
        assert_eq!(Person::new(&lid, &lid), None);
        assert_eq!(Person::new(&phone, &jid("120363000000000001@g.us")), None);
    }
}
