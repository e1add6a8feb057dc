//! The custom scalars of the schema.

use async_graphql::{Description, InputValueError, InputValueResult, Scalar, ScalarType, Value};

use crate::domain::{clock::FOREVER, jid};

/// A WhatsApp address: `6281234567890@s.whatsapp.net` (a phone number), `123456789@lid` (a user whose number is
/// hidden), `120363000000000001@g.us` (a group), `…@newsletter`, `…@broadcast`, `status@broadcast`, `…@bot` (an
/// assistant), `…@interop` or `…@msgr` (a user of another messenger). In input, a device suffix such as `:12` is
/// removed. `…@hosted` and `…@hosted.lid` are read as the phone number and the LID.
#[derive(Debug, Clone, PartialEq, Eq, Description)]
pub(super) struct Jid(pub(super) jid::Jid);

#[Scalar(name = "JID", use_type_description, specified_by_url = "https://www.rfc-editor.org/rfc/rfc7622")]
impl ScalarType for Jid {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text.parse()?)),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    // The engine calls this before `parse`, when it can still name the argument or field in the error.
    fn is_valid(value: &Value) -> bool {
        matches!(value, Value::String(text) if text.parse::<jid::Jid>().is_ok())
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl From<jid::Jid> for Jid {
    fn from(jid: jid::Jid) -> Self {
        Self(jid)
    }
}

/// A point in time, as a JSON number: integer milliseconds since the Unix epoch, never seconds. The range is 0 to
/// 253402300799999, the end of the year 9999. If a future time is expected, that maximum means "forever".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Description)]
pub(super) struct Timestamp(pub(super) i64);

impl Timestamp {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Number(number) => number.as_i64().filter(|at| (0..=FOREVER).contains(at)).map(Self),
            _ => None,
        }
    }
}

#[Scalar(
    use_type_description,
    specified_by_url = "https://tc39.es/ecma262/multipage/numbers-and-dates.html#sec-time-values-and-time-range"
)]
impl ScalarType for Timestamp {
    fn parse(value: Value) -> InputValueResult<Self> {
        Self::of(&value).ok_or_else(|| InputValueError::expected_type(value))
    }

    fn is_valid(value: &Value) -> bool {
        Self::of(value).is_some()
    }

    fn to_value(&self) -> Value {
        Value::from(self.0)
    }
}

impl From<i64> for Timestamp {
    fn from(at: i64) -> Self {
        Self(at)
    }
}

/// The revision of an object, an integer from 0 to 9007199254740991 as a JSON number. Of two revisions of an
/// object, the greater one is newer. The difference between two revisions has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Description)]
pub(super) struct Revision(pub(super) i64);

impl Revision {
    /// The number as it is shown.
    pub(super) fn number(self) -> i64 {
        self.0.min(MAX_SAFE_INTEGER)
    }
}

/// The greatest integer that every JSON client represents exactly.
const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

#[Scalar(use_type_description, specified_by_url = "https://www.rfc-editor.org/rfc/rfc8259#section-6")]
impl ScalarType for Revision {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::Number(number) if number.as_i64().is_some_and(|at| (0..=MAX_SAFE_INTEGER).contains(&at)) => {
                Ok(Self(number.as_i64().unwrap_or_default()))
            }
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn is_valid(value: &Value) -> bool {
        Self::parse(value.clone()).is_ok()
    }

    fn to_value(&self) -> Value {
        Value::from(self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_an_integer_up_to_forever() {
        for at in [0, 1, 1_700_000_000_000, FOREVER] {
            let value = Value::from(at);
            assert!(Timestamp::is_valid(&value), "{at}");
            assert_eq!(<Timestamp as ScalarType>::parse(value.clone()).map(|parsed| parsed.0).ok(), Some(at));
            assert_eq!(ScalarType::to_value(&Timestamp(at)), value);
        }
        for value in
            [Value::from(-1), Value::from(FOREVER + 1), Value::from(1.5), Value::from("1"), Value::from(u64::MAX)]
        {
            assert!(!Timestamp::is_valid(&value), "{value}");
            assert!(<Timestamp as ScalarType>::parse(value).is_err());
        }
    }

    #[test]
    fn a_jid_loses_its_device_and_nothing_else() {
        let jid = <Jid as ScalarType>::parse(Value::from("15550100:12@s.whatsapp.net")).expect("a JID");
        assert_eq!(ScalarType::to_value(&jid), Value::from("15550100@s.whatsapp.net"));
        for value in [Value::from("15550100"), Value::from(15_550_100), Value::Null, Value::from("a@example.org")] {
            assert!(!Jid::is_valid(&value), "{value}");
            assert!(<Jid as ScalarType>::parse(value).is_err());
        }
    }
}
