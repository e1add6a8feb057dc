//! The media type of an answer, as the caller's `Accept` wants it.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::ACCEPT;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";

/// How an answer is labelled. It decides on the status of a request that was refused, too: older callers take anything
/// but 200 for a broken connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// As ever.
    Json,
    /// What the specification of GraphQL over HTTP names.
    GraphQl,
}

impl Media {
    /// What the caller prefers; none when it takes neither.
    pub(super) fn accepted(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Json);
        }
        let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let ranges: Vec<_> = ranges.filter_map(range).collect();
        let quality = |names: [&str; 3]| {
            names.iter().find_map(|name| {
                ranges.iter().find(|(range, _)| range.eq_ignore_ascii_case(name)).map(|(_, quality)| *quality)
            })
        };
        // Who takes anything is no friend of the new type: it has to be named.
        let (json, graphql) =
            (quality([JSON, "application/*", "*/*"]).unwrap_or(0), quality([GRAPHQL; 3]).unwrap_or(0));
        match (json, graphql) {
            (0, 0) => None,
            _ if graphql >= json => Some(Self::GraphQl),
            _ => Some(Self::Json),
        }
    }

    /// The header's value.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// The status of a request that was refused before anything was carried out.
    pub(super) fn refused(self) -> StatusCode {
        match self {
            Self::Json => StatusCode::OK,
            Self::GraphQl => StatusCode::BAD_REQUEST,
        }
    }
}

/// A media type with its quality in thousandths.
fn range(text: &str) -> Option<(&str, u32)> {
    let mut parts = text.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
    Some((name, quality.map_or(1_000, thousandths)))
}

/// `0.5` as 500; what is no quality counts as the best.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, fraction.parse()) {
        ("0", Ok(thousandths)) => thousandths,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &'static str) -> Option<Media> {
        Media::accepted(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    #[test]
    fn the_new_type_is_for_who_names_it() {
        assert_eq!(Media::accepted(&HeaderMap::new()), Some(Media::Json));
        for accept in
            ["*/*", "application/*", "application/json", "text/html, */*;q=0.1", "APPLICATION/JSON;charset=utf-8"]
        {
            assert_eq!(accepted(accept), Some(Media::Json), "{accept}");
        }
        for accept in [
            GRAPHQL,
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/json, application/graphql-response+json",
            "application/graphql-response+json, */*;q=0.5",
        ] {
            assert_eq!(accepted(accept), Some(Media::GraphQl), "{accept}");
        }
    }

    #[test]
    fn the_better_quality_wins() {
        assert_eq!(accepted("application/graphql-response+json;q=0.5, application/json;q=0.75"), Some(Media::Json));
        assert_eq!(accepted("application/graphql-response+json;q=0.75, application/json;q=0.5"), Some(Media::GraphQl));
        assert_eq!(accepted("application/json;q=0, */*"), None);
    }

    #[test]
    fn who_takes_neither_gets_none() {
        for accept in ["text/html", "text/event-stream", "image/*", "application/json;q=0", ""] {
            assert_eq!(accepted(accept), None, "{accept}");
        }
    }
}
