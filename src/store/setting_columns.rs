//! Columns of the settings: in the tables `chat` and `tombstone` with their timestamps, in `change` without. They are
//! macros because the rows have no common type, and so that the compiler names a column without a setting.

/// Builds a row with the settings and their timestamps.
macro_rules! row_with_settings {
    ($($row:ident)::+, $settings:expr, { $($rest:tt)* }) => {
        $($row)::+ {
            archived: $settings.archived.value,
            archived_as_of: $settings.archived.as_of,
            pinned: $settings.pinned.value,
            pinned_as_of: $settings.pinned.as_of,
            muted_until: $settings.muted_until.value,
            muted_as_of: $settings.muted_until.as_of,
            marked_unread: $settings.marked_unread.value,
            marked_as_of: $settings.marked_unread.as_of,
            $($rest)*
        }
    };
}

/// Reads the settings of a row from [`row_with_settings`].
macro_rules! settings_of_row {
    ($row:expr) => {
        $crate::domain::setting::Settings {
            archived: $crate::domain::setting::Versioned { value: $row.archived, as_of: $row.archived_as_of },
            pinned: $crate::domain::setting::Versioned { value: $row.pinned, as_of: $row.pinned_as_of },
            muted_until: $crate::domain::setting::Versioned { value: $row.muted_until, as_of: $row.muted_as_of },
            marked_unread: $crate::domain::setting::Versioned { value: $row.marked_unread, as_of: $row.marked_as_of },
        }
    };
}

/// Builds a row of `change` with the values of the settings.
macro_rules! row_with_setting_values {
    ($($row:ident)::+, $settings:expr, { $($rest:tt)* }) => {
        $($row)::+ {
            archived: $settings.archived.value,
            pinned: $settings.pinned.value,
            muted_until: $settings.muted_until.value,
            marked_unread: $settings.marked_unread.value,
            $($rest)*
        }
    };
}

/// Reads the settings of a row from [`row_with_setting_values`].
macro_rules! setting_values_of_row {
    ($row:expr) => {
        $crate::domain::setting::Settings {
            archived: $crate::domain::setting::Versioned { value: $row.archived, as_of: 0 },
            pinned: $crate::domain::setting::Versioned { value: $row.pinned, as_of: 0 },
            muted_until: $crate::domain::setting::Versioned { value: $row.muted_until, as_of: 0 },
            marked_unread: $crate::domain::setting::Versioned { value: $row.marked_unread, as_of: 0 },
        }
    };
}

pub(super) use row_with_setting_values;
pub(super) use row_with_settings;
pub(super) use setting_values_of_row;
pub(super) use settings_of_row;
