//! Maps with packed values.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{FromText, Packed, Text};

/// Serialises a field.
pub(crate) fn serialize<K: Serialize, T: Packed, S: Serializer>(
    map: &BTreeMap<K, T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(map.iter().map(|(key, value)| (key, Text(value))))
}

/// Deserialises a field.
pub(crate) fn deserialize<'de, K: Ord + Deserialize<'de>, T: Packed, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<K, T>, D::Error> {
    let map = BTreeMap::<K, FromText<T>>::deserialize(deserializer)?;
    Ok(map.into_iter().map(|(key, FromText(value))| (key, value)).collect())
}
