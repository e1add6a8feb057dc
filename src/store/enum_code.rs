//! Numbers of enum values in rows. A number is never reused.

use crate::domain::change::ChangeKind;
use crate::domain::change::Origin;
use crate::domain::chat::ChatType;
use crate::domain::idempotency::Operation;
use crate::domain::message::MessageKind;
use crate::domain::pending_action::RejectionCode;
use crate::domain::session::SessionStatus;
use crate::domain::session::StatusCode;
use crate::domain::setting::Setting;

use super::error::StoreError;

/// A value that is stored as a small number.
pub(super) trait DbEnum: Sized + Copy + PartialEq + 'static {
    /// Each value with its number.
    const CODES: &'static [(Self, i16)];

    fn code(self) -> i16 {
        // Every value is in the table: see the test `every_value_has_its_own_number`.
        Self::CODES.iter().find(|(value, _)| *value == self).map_or(0, |(_, code)| *code)
    }

    fn from_code(code: i16, table: &'static str, column: &'static str) -> Result<Self, StoreError> {
        let found = Self::CODES.iter().find(|(_, known)| *known == code);
        found.map(|(value, _)| *value).ok_or(StoreError::Corrupt { table, column })
    }
}

impl DbEnum for SessionStatus {
    const CODES: &'static [(Self, i16)] = &[
        (Self::Starting, 1),
        (Self::ScanQrCode, 2),
        (Self::Working, 3),
        (Self::Failed, 4),
        (Self::Stopped, 5),
        (Self::LoggedOut, 6),
    ];
}

impl DbEnum for StatusCode {
    const CODES: &'static [(Self, i16)] = &[
        (Self::PairingExpired, 1),
        (Self::PairingFailed, 2),
        (Self::Unlinked, 3),
        (Self::AccountLocked, 4),
        (Self::OtherAccount, 5),
        (Self::Replaced, 6),
        (Self::Banned, 7),
        (Self::Outdated, 8),
        (Self::KeysDamaged, 9),
        (Self::Refused, 10),
        (Self::SettingsUnreadable, 11),
        (Self::InternalError, 12),
        (Self::DatabaseDamaged, 13),
        (Self::Other, 14),
    ];
}

impl DbEnum for RejectionCode {
    const CODES: &'static [(Self, i16)] = &[(Self::Rejected, 1), (Self::Unlinked, 2)];
}

impl DbEnum for Operation {
    const CODES: &'static [(Self, i16)] = &[(Self::CreateSession, 1), (Self::CreateApiKey, 2)];
}

impl DbEnum for ChatType {
    const CODES: &'static [(Self, i16)] =
        &[(Self::Dm, 1), (Self::Group, 2), (Self::Newsletter, 3), (Self::Broadcast, 4), (Self::Status, 5)];
}

impl DbEnum for ChangeKind {
    const CODES: &'static [(Self, i16)] = &[(Self::Created, 1), (Self::Updated, 2), (Self::Deleted, 3)];
}

impl DbEnum for Origin {
    const CODES: &'static [(Self, i16)] = &[
        (Self::Api, 1),
        (Self::Device, 2),
        (Self::Message, 3),
        (Self::Import, 4),
        (Self::Revert, 5),
        (Self::Expired, 6),
    ];
}

impl DbEnum for Setting {
    const CODES: &'static [(Self, i16)] =
        &[(Self::Pinned, 1), (Self::MutedUntil, 2), (Self::Read, 3), (Self::Archived, 4)];
}

impl DbEnum for MessageKind {
    const CODES: &'static [(Self, i16)] = &[
        (Self::Text, 1),
        (Self::Image, 2),
        (Self::Video, 3),
        (Self::Audio, 4),
        (Self::Document, 5),
        (Self::Sticker, 6),
        (Self::Location, 7),
        (Self::Contact, 8),
        (Self::Poll, 9),
        (Self::Reaction, 10),
        (Self::Call, 11),
        (Self::System, 12),
        (Self::Other, 13),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_are_distinct<T: DbEnum + std::fmt::Debug>(values: usize) {
        let mut codes: Vec<_> = T::CODES.iter().map(|(_, code)| *code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), values);
        for (value, code) in T::CODES {
            assert_eq!(T::from_code(*code, "t", "c").ok(), Some(*value));
            assert_eq!(value.code(), *code);
        }
    }

    #[test]
    fn every_value_has_its_own_number() {
        numbers_are_distinct::<SessionStatus>(6);
        numbers_are_distinct::<StatusCode>(14);
        numbers_are_distinct::<RejectionCode>(2);
        numbers_are_distinct::<Operation>(2);
        numbers_are_distinct::<ChatType>(5);
        numbers_are_distinct::<ChangeKind>(3);
        numbers_are_distinct::<Origin>(6);
        numbers_are_distinct::<Setting>(4);
        numbers_are_distinct::<MessageKind>(13);
        assert!(ChangeKind::from_code(9, "change", "kind").is_err());
    }
}
