//! Content negotiation: chooses the media type of a response by `Accept`.

use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header::ACCEPT;

use super::streaming::Format;

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";
const EVENTS: &str = "text/event-stream";
const PARTS: &str = "multipart/mixed";

/// Media type of a single response. It also determines the status of a rejected request: older clients treat any status
/// but 200 as a broken connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    /// `application/json`.
    Json,
    /// `application/graphql-response+json`, of the GraphQL over HTTP specification.
    GraphQl,
}

/// Response format that the client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepted {
    /// A single response of this type.
    Whole(Media),
    /// A stream, and possibly a single response if there is only one.
    Stream(Format, Option<Media>),
}

impl Accepted {
    /// Returns the format that the client prefers; `None` if it accepts none of those supported.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Whole(Media::Json));
        }
        let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let ranges: Vec<_> = ranges.filter_map(Range::read).collect();
        match stream(&ranges) {
            Some(format) => Some(Self::Stream(format, whole(&ranges))),
            None => whole(&ranges).map(Self::Whole),
        }
    }

    /// Returns the type of a single response; `None` if the client accepts only streams.
    pub(super) fn whole(self) -> Option<Media> {
        match self {
            Self::Whole(media) => Some(media),
            Self::Stream(_, media) => media,
        }
    }
}

fn whole(ranges: &[Range<'_>]) -> Option<Media> {
    let quality = |names: [&str; 3]| names.iter().find_map(|name| quality(ranges, name));
    // `*/*` means JSON; the new type must be requested explicitly.
    let (json, graphql) = (quality([JSON, "application/*", "*/*"]).unwrap_or(0), quality([GRAPHQL; 3]).unwrap_or(0));
    match (json, graphql) {
        (0, 0) => None,
        _ if graphql >= json => Some(Media::GraphQl),
        _ => Some(Media::Json),
    }
}

/// Streams must be requested explicitly too; `*/*` does not select one.
fn stream(ranges: &[Range<'_>]) -> Option<Format> {
    let events = quality(ranges, EVENTS).unwrap_or(0);
    let is_parts = |range: &&Range<'_>| range.is(PARTS) && range.has("subscriptionSpec", "1.0");
    let parts = ranges.iter().find(is_parts).map_or(0, |range| range.quality);
    match (events, parts) {
        (0, 0) => None,
        _ if events >= parts => Some(Format::Events),
        _ => Some(Format::Parts),
    }
}

fn quality(ranges: &[Range<'_>], name: &str) -> Option<u32> {
    ranges.iter().find(|range| range.is(name)).map(|range| range.quality)
}

impl Media {
    /// Returns the value of `Content-Type`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// Returns the status of a request that was rejected before execution.
    pub(super) fn refused(self) -> StatusCode {
        match self {
            Self::Json => StatusCode::OK,
            Self::GraphQl => StatusCode::BAD_REQUEST,
        }
    }
}

/// A media range of `Accept`.
struct Range<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    /// In thousandths.
    quality: u32,
}

impl<'a> Range<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let parameters = parts.filter_map(|part| part.split_once('='));
        let parameters: Vec<_> = parameters.map(|(name, value)| (name, value.trim_matches('"'))).collect();
        let quality = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let quality = quality.map_or(1_000, |(_, value)| thousandths(value));
        Some(Self { name, parameters, quality })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn has(&self, name: &str, value: &str) -> bool {
        self.parameters.iter().any(|(own, of_it)| own.eq_ignore_ascii_case(name) && *of_it == value)
    }
}

/// Parses a quality in thousandths (`0.5` is 500). An invalid quality counts as 1.
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

    fn accepted(accept: &'static str) -> Option<Accepted> {
        Accepted::of(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    fn whole(accept: &'static str) -> Option<Media> {
        accepted(accept).and_then(Accepted::whole)
    }

    fn stream(accept: &'static str) -> Option<Format> {
        match accepted(accept) {
            Some(Accepted::Stream(format, _)) => Some(format),
            _ => None,
        }
    }

    #[test]
    fn the_new_type_is_for_who_names_it() {
        let nothing = Accepted::of(&HeaderMap::new());
        assert_eq!(nothing, Some(Accepted::Whole(Media::Json)));
        for accept in
            ["*/*", "application/*", "application/json", "text/html, */*;q=0.1", "APPLICATION/JSON;charset=utf-8"]
        {
            assert_eq!(whole(accept), Some(Media::Json), "{accept}");
        }
        for accept in [
            GRAPHQL,
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/json, application/graphql-response+json",
            "application/graphql-response+json, */*;q=0.5",
        ] {
            assert_eq!(whole(accept), Some(Media::GraphQl), "{accept}");
        }
    }

    #[test]
    fn the_better_quality_wins() {
        assert_eq!(whole("application/graphql-response+json;q=0.5, application/json;q=0.75"), Some(Media::Json));
        assert_eq!(whole("application/graphql-response+json;q=0.75, application/json;q=0.5"), Some(Media::GraphQl));
        assert_eq!(whole("application/json;q=0, */*"), None);
    }

    #[test]
    fn a_stream_is_for_who_names_it() {
        let parts = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
        let quoted = "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\", application/json";
        for (accept, format) in [
            ("text/event-stream", Some(Format::Events)),
            ("application/json, Text/Event-Stream;q=0.4", Some(Format::Events)),
            ("text/event-stream, multipart/mixed;subscriptionSpec=1.0", Some(Format::Events)),
            ("text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0", Some(Format::Parts)),
            (parts, Some(Format::Parts)),
            (quoted, Some(Format::Parts)),
            ("multipart/mixed, application/json", None),
            ("multipart/mixed;deferSpec=20220824, application/json", None),
            ("multipart/mixed;subscriptionSpec=2.0, application/json", None),
            ("text/event-stream;q=0, */*", None),
            ("*/*", None),
            ("text/*", None),
        ] {
            assert_eq!(stream(accept), format, "{accept}");
        }
        assert_eq!((whole(parts), whole("text/event-stream")), (Some(Media::Json), None));
    }

    #[test]
    fn who_takes_nothing_that_there_is_gets_none() {
        for accept in ["text/html", "text/*", "multipart/mixed", "image/*", "application/json;q=0", ""] {
            assert_eq!(accepted(accept), None, "{accept}");
        }
    }
}
