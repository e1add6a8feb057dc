//! Numbers of enum values, and bits of sets, in rows. A number is never reused.

use enumset::{EnumSet, EnumSetTypeWithRepr};

use super::error::StoreError;
use crate::domain::{
    change::{ChangeKind, Origin},
    chat::ChatType,
    idempotency::Operation,
    message::MessageKind,
    pending_action::RejectionCode,
    session::{SessionStatus, StatusCode},
    setting::Setting,
};

/// A value that is stored as a small number: its discriminant.
pub(super) trait DbEnum: Sized {
    fn code(self) -> i16;

    fn from_code(code: i16, table: &'static str, column: &'static str) -> Result<Self, StoreError>;
}

macro_rules! stored_by_discriminant {
    ($($name:ty),+ $(,)?) => {$(
        impl DbEnum for $name {
            fn code(self) -> i16 {
                self as i16
            }

            fn from_code(code: i16, table: &'static str, column: &'static str) -> Result<Self, StoreError> {
                Self::from_repr(code).ok_or(StoreError::Corrupt { table, column })
            }
        }
    )+};
}

stored_by_discriminant!(
    SessionStatus,
    StatusCode,
    RejectionCode,
    Operation,
    ChatType,
    ChangeKind,
    Origin,
    Setting,
    MessageKind,
);

/// The bits of a set in a row.
pub(super) fn bits<T: EnumSetTypeWithRepr<Repr = u32>>(set: EnumSet<T>) -> i32 {
    set.as_repr().cast_signed()
}

/// Parses the result of [`bits`]. Unknown bits are ignored, so they grant nothing.
pub(super) fn from_bits<T: EnumSetTypeWithRepr<Repr = u32>>(bits: i32) -> EnumSet<T> {
    EnumSet::from_repr_truncated(bits.cast_unsigned())
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::domain::{
        capability::{Capabilities, Capability},
        change::{ChatField, ChatFields},
    };

    fn is_numbered<T: DbEnum + VariantArray + Copy + PartialEq + std::fmt::Debug>(count: i16) {
        let numbers: Vec<_> = T::VARIANTS.iter().map(|value| value.code()).collect();
        assert_eq!(numbers, (1..=count).collect::<Vec<_>>());
        for value in T::VARIANTS {
            assert_eq!(T::from_code(value.code(), "t", "c").ok(), Some(*value));
        }
        assert!(T::from_code(0, "t", "c").is_err());
    }

    #[test]
    fn every_value_has_its_own_number() {
        is_numbered::<SessionStatus>(6);
        is_numbered::<StatusCode>(14);
        is_numbered::<RejectionCode>(2);
        is_numbered::<Operation>(2);
        is_numbered::<ChatType>(5);
        is_numbered::<ChangeKind>(3);
        is_numbered::<Origin>(6);
        is_numbered::<Setting>(4);
        is_numbered::<MessageKind>(13);
        assert!(ChangeKind::from_code(9, "change", "kind").is_err());
    }

    #[test]
    fn every_member_of_a_set_has_its_own_bit() {
        let capabilities = Capabilities::all().iter().map(|member| (member.to_string(), bits(member.into())));
        let expected = [("read", 1), ("send", 2), ("manage", 4), ("events", 8)];
        assert_eq!(capabilities.collect::<Vec<_>>(), expected.map(|(name, bit)| (name.to_owned(), bit)));
        let fields = ChatFields::all().iter().map(|field| bits(field.into()));
        assert_eq!(fields.collect::<Vec<_>>(), (0..10).map(|at| 1 << at).collect::<Vec<_>>());
        assert_eq!(bits(ChatFields::only(ChatField::Jid) | ChatField::Sync), 0b10_0000_0001);
        assert_eq!(
            from_bits::<Capability>(0b1_0001),
            Capabilities::only(Capability::Read),
            "unknown bits grant nothing"
        );
    }
}
