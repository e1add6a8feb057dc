//! The parts of the history that were announced on a connection and did not come yet. A part does not say which
//! announcement it belongs to; they come in the order of those, and what counts is how many are missing.

use std::collections::VecDeque;

/// The ids of the announcements, oldest first.
#[derive(Debug, Default)]
pub(super) struct Announced {
    missing: VecDeque<String>,
    /// How many parts came before their announcement, which takes its own way.
    early: usize,
}

impl Announced {
    /// An announcement comes; tells whether its part is still to come.
    pub(super) fn comes(&mut self, notice: &str) -> bool {
        if self.early > 0 {
            self.early -= 1;
            return false;
        }
        // WhatsApp may not have heard that it came.
        if !self.missing.iter().any(|missing| missing == notice) {
            self.missing.push_back(notice.to_owned());
        }
        true
    }

    /// A part comes; gives its announcement, if that came already.
    pub(super) fn part(&mut self) -> Option<String> {
        let notice = self.missing.pop_front();
        self.early += usize::from(notice.is_none());
        notice
    }

    /// The announcements whose parts are still to come.
    pub(super) fn expected(&self) -> Vec<String> {
        self.missing.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_expected_from_its_announcement_until_it_comes() {
        let mut announced = Announced::default();
        assert!(announced.comes("A") && announced.comes("B") && announced.comes("A"));
        assert_eq!(announced.expected(), ["A", "B"]);
        assert_eq!(announced.part().as_deref(), Some("A"));
        assert_eq!(announced.expected(), ["B"]);
    }

    #[test]
    fn a_part_that_is_early_is_not_expected() {
        let mut announced = Announced::default();
        assert_eq!(announced.part(), None);
        assert!(!announced.comes("A"));
        assert!(announced.comes("B"));
        assert_eq!(announced.expected(), ["B"]);
    }
}
