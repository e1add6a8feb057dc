//! The possible names of a chat.

/// The possible names of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatNames {
    /// A group's subject.
    pub subject: Option<String>,
    /// The saved contact name.
    pub contact: Option<String>,
    /// The push name, which the other side chose.
    pub push: Option<String>,
    /// The verified name of a business.
    pub business: Option<String>,
}

impl ChatNames {
    /// The display name: the first known name, in this order.
    #[must_use]
    pub fn display_name(&self) -> Option<&String> {
        let Self { subject, contact, push, business } = self;
        [subject, contact, push, business].into_iter().flatten().next()
    }

    /// Adds names that became known. A missing name never clears a known one.
    pub(super) fn learn(&mut self, learned: &Self) {
        learn(&mut self.subject, learned.subject.as_ref());
        learn(&mut self.contact, learned.contact.as_ref());
        learn(&mut self.push, learned.push.as_ref());
        learn(&mut self.business, learned.business.as_ref());
    }
}

fn learn(name: &mut Option<String>, learned: Option<&String>) {
    if let Some(learned) = learned.filter(|learned| !learned.trim().is_empty()) {
        *name = Some(learned.clone());
    }
}
