//! The settings of a chat, each described once: its values, its place in a chat, and its rules. All other code of the
//! domain loops over [`Setting::ALL`].
//!
//! To add one, add it to every item of this file that the compiler names, and a [`ChatField`]. Its columns are in
//! `store/setting_columns.rs`, and its form on the wire is in `session/whatsapp/setting.rs`.
//!
//! [`ChatField`]: super::change::ChatField

use serde::{Deserialize, Serialize};
use strum::{FromRepr, VariantArray};

/// A setting of a chat that WhatsApp stores too. The order is the sending order: archiving comes last, since WhatsApp
/// unpins an archived chat. The numbers are stored, and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromRepr, VariantArray)]
#[repr(i16)]
pub enum Setting {
    /// The pinned state.
    Pinned = 1,
    /// The end of the mute.
    MutedUntil = 2,
    /// Read, or marked as unread.
    Read = 3,
    /// The archived state.
    Archived = 4,
}

impl Setting {
    /// All settings, in sending order.
    pub const ALL: [Self; 4] = [Self::Pinned, Self::MutedUntil, Self::Read, Self::Archived];

    /// The value in a chat in which it was never set.
    #[must_use]
    pub fn default_value(self) -> SettingValue {
        Settings::default().get(self).value
    }
}

/// A setting with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SettingValue {
    /// The pinned state.
    Pinned(bool),
    /// The end of the mute in milliseconds; `None` for no mute.
    MutedUntil(Option<i64>),
    /// Read, or marked as unread.
    Read(bool),
    /// The archived state.
    Archived(bool),
}

impl SettingValue {
    /// The setting of this value.
    #[must_use]
    pub fn setting(self) -> Setting {
        match self {
            Self::Pinned(_) => Setting::Pinned,
            Self::MutedUntil(_) => Setting::MutedUntil,
            Self::Read(_) => Setting::Read,
            Self::Archived(_) => Setting::Archived,
        }
    }

    /// The value as a number: 0 or 1, or the end of a mute in milliseconds, with 0 for no mute.
    #[must_use]
    pub fn number(self) -> i64 {
        match self {
            Self::Pinned(on) | Self::Read(on) | Self::Archived(on) => i64::from(on),
            Self::MutedUntil(until) => until.unwrap_or(0),
        }
    }

    /// Parses the result of [`Self::number`].
    #[must_use]
    pub fn from_number(setting: Setting, number: i64) -> Self {
        match setting {
            Setting::Pinned => Self::Pinned(number != 0),
            Setting::MutedUntil => Self::MutedUntil((number != 0).then_some(number)),
            Setting::Read => Self::Read(number != 0),
            Setting::Archived => Self::Archived(number != 0),
        }
    }

    /// The rank among values of one setting with the same timestamp: the one that must have been set explicitly is the
    /// greatest.
    #[must_use]
    pub(super) fn rank(self) -> i64 {
        match self {
            Self::Read(read) => (!read).into(),
            value => value.number(),
        }
    }
}

/// A value with WhatsApp's timestamp of it in milliseconds. An older event does not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Versioned<T> {
    /// The value.
    pub value: T,
    /// The time at which WhatsApp or a client of the API set it; 0 if it was never set.
    pub as_of: i64,
}

/// The settings of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The archived state.
    pub archived: Versioned<bool>,
    /// The pinned state.
    pub pinned: Versioned<bool>,
    /// The end of the mute in milliseconds; `None` if the chat is not muted.
    pub muted_until: Versioned<Option<i64>>,
    /// The mark as unread by hand.
    pub marked_unread: Versioned<bool>,
}

impl Settings {
    /// Returns a setting. For [`Setting::Read`] it is only the mark as unread.
    #[must_use]
    pub fn get(&self, setting: Setting) -> Versioned<SettingValue> {
        match setting {
            Setting::Archived => self.archived.map(SettingValue::Archived),
            Setting::Pinned => self.pinned.map(SettingValue::Pinned),
            Setting::MutedUntil => self.muted_until.map(SettingValue::MutedUntil),
            Setting::Read => self.marked_unread.map(|marked| SettingValue::Read(!marked)),
        }
    }

    /// Replaces a setting. For [`SettingValue::Read`] it is only the mark as unread.
    pub fn put(&mut self, value: SettingValue, as_of: i64) {
        match value {
            SettingValue::Archived(value) => self.archived = Versioned { value, as_of },
            SettingValue::Pinned(value) => self.pinned = Versioned { value, as_of },
            SettingValue::MutedUntil(value) => self.muted_until = Versioned { value, as_of },
            SettingValue::Read(read) => self.marked_unread = Versioned { value: !read, as_of },
        }
    }

    /// The settings whose values differ from those before.
    pub(super) fn differ_from(&self, before: &Self) -> impl Iterator<Item = Setting> {
        Setting::ALL.into_iter().filter(|setting| self.get(*setting).value != before.get(*setting).value)
    }

    /// The values alone: all timestamps are 0.
    #[must_use]
    pub fn without_times(&self) -> Self {
        let mut values = Self::default();
        for setting in Setting::ALL {
            values.put(self.get(setting).value, 0);
        }
        values
    }
}

impl<T: Copy> Versioned<T> {
    fn map<U>(self, convert: impl FnOnce(T) -> U) -> Versioned<U> {
        Versioned { value: convert(self.value), as_of: self.as_of }
    }
}

/// Settings to change; at most one value of each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SettingChanges(Vec<(SettingValue, Option<i64>)>);

impl SettingChanges {
    /// Changes a setting, with the timestamp of the patch.
    pub fn set(&mut self, value: SettingValue) {
        self.add(value, None);
    }

    /// Changes a setting, with a timestamp of its own in milliseconds.
    pub fn set_as_of(&mut self, value: SettingValue, as_of: i64) {
        self.add(value, Some(as_of));
    }

    fn add(&mut self, value: SettingValue, as_of: Option<i64>) {
        self.remove(value.setting());
        self.0.push((value, as_of));
    }

    /// Leaves a setting as it is.
    pub fn remove(&mut self, setting: Setting) {
        self.0.retain(|(known, _)| known.setting() != setting);
    }

    /// The values with their own timestamps.
    pub(super) fn iter(&self) -> impl Iterator<Item = (SettingValue, Option<i64>)> {
        self.0.iter().copied()
    }
}

impl<const N: usize> From<[SettingValue; N]> for SettingChanges {
    fn from(values: [SettingValue; N]) -> Self {
        values.into_iter().collect()
    }
}

impl FromIterator<SettingValue> for SettingChanges {
    fn from_iter<I: IntoIterator<Item = SettingValue>>(values: I) -> Self {
        let mut changes = Self::default();
        values.into_iter().for_each(|value| changes.set(value));
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value of each setting that differs from its default.
    const SET: [SettingValue; 4] = [
        SettingValue::Pinned(true),
        SettingValue::MutedUntil(Some(7)),
        SettingValue::Read(false),
        SettingValue::Archived(true),
    ];

    #[test]
    fn every_setting_has_its_own_value_in_a_chat() {
        assert_eq!(SET.map(SettingValue::setting), Setting::ALL);
        for value in SET {
            let mut settings = Settings::default();
            settings.put(value, 5);
            assert_eq!(settings.get(value.setting()), Versioned { value, as_of: 5 });
            assert!(settings.differ_from(&Settings::default()).eq([value.setting()]));
            assert_eq!(settings.without_times().get(value.setting()), Versioned { value, as_of: 0 });
        }
    }

    #[test]
    fn a_setting_reads_back_from_its_number() {
        for value in SET.into_iter().chain(Setting::ALL.map(Setting::default_value)) {
            assert_eq!(SettingValue::from_number(value.setting(), value.number()), value);
        }
    }
}
