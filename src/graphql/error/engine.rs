//! The engine's own errors (validation, coercion) in the contract's shape: with a code, and with the
//! field where the engine names one.

use async_graphql::ErrorExtensionValues;
use async_graphql::ServerError;

use super::Code;

/// Completes `error`: a code when the engine made it, the request's id when it is our fault.
pub(in crate::graphql) fn translate(error: &mut ServerError, request_id: &str) {
    let extensions = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    if extensions.get("code").is_none() {
        extensions.set("code", Code::ValidationError.as_str());
        if let Some(field) = field(&error.message) {
            extensions.set("field", field);
        }
    }
    if extensions.get("code") == Some(&Code::Internal.as_str().into()) {
        extensions.set("requestId", request_id);
    }
}

/// The argument or input field that an error of the engine names: it tells it in words only.
fn field(message: &str) -> Option<&str> {
    if let Some(rest) = message.strip_prefix("Invalid value for argument \"") {
        let (path, reason) = rest.split_once("\", ")?;
        return quoted(reason, "field \"").or_else(|| quoted(reason, "unknown field \"")).or_else(|| last_name(path));
    }
    quoted(message, "Unknown argument \"")
        .or_else(|| quoted(message, "There can only be one argument named \""))
        .or_else(|| message.strip_prefix("Field \"").and_then(|rest| quoted(rest.split_once(' ')?.1, "argument \"")))
}

/// What stands between `start` and the next quotation mark.
fn quoted<'a>(text: &'a str, start: &str) -> Option<&'a str> {
    text.strip_prefix(start)?.split_once('"').map(|(name, _)| name)
}

/// The last name of a path like `input.ids.0`.
fn last_name(path: &str) -> Option<&str> {
    path.rsplit('.').find(|segment| segment.parse::<usize>().is_err())
}

#[cfg(test)]
mod tests {
    use crate::graphql::error::ApiError;

    use super::*;

    #[test]
    fn a_field_is_found_where_the_engine_names_one() {
        for (message, name) in [
            (r#"Invalid value for argument "input.cid", expected type "JID""#, Some("cid")),
            (r#"Invalid value for argument "ids.0", expected type "ID""#, Some("ids")),
            (
                r#"Invalid value for argument "input", field "cid" of type "JID!" is required but not provided"#,
                Some("cid"),
            ),
            (r#"Invalid value for argument "input", unknown field "x" of type "UpdateChatInput""#, Some("x")),
            (r#"Unknown argument "x" on field "chat" of type "Query"."#, Some("x")),
            (r#"Field "chat" argument "cid" of type "JID!" is required but not provided"#, Some("cid")),
            (r#"There can only be one argument named "cid""#, Some("cid")),
            (r#"Unknown field "x" on type "Query"."#, None),
            ("", None),
        ] {
            assert_eq!(field(message), name, "{message}");
        }
    }

    #[test]
    fn a_failure_of_ours_carries_the_request() {
        let mut error =
            async_graphql::Error::from(ApiError::internal()).into_server_error(async_graphql::Pos::default());
        translate(&mut error, "req_1");
        let extensions = error.extensions.expect("extensions");
        assert_eq!(extensions.get("requestId"), Some(&"req_1".into()));
    }
}
