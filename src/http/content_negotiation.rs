//! Content negotiation: chooses the media type of a response by `Accept`.

use async_graphql::parser::types::OperationType;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header::ACCEPT};

const JSON: &str = "application/json";
const GRAPHQL: &str = "application/graphql-response+json";
const EVENT_STREAM: &str = "text/event-stream";
const MULTIPART: &str = "multipart/mixed";

/// Media type of a single response. It also determines the status of a rejected request: older clients treat any status
/// but 200 as a broken connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseType {
    /// `application/json`.
    Json,
    /// `application/graphql-response+json`, of the GraphQL over HTTP specification.
    GraphQl,
}

/// Format of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamFormat {
    /// `text/event-stream`, as in graphql-sse: one connection per operation.
    Sse,
    /// `multipart/mixed`, as in Apollo's clients.
    Multipart,
}

/// Response format that the client accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Negotiated {
    /// A single response of this type.
    Single(ResponseType),
    /// A stream, and possibly a single response if there is only one.
    Stream(StreamFormat, Option<ResponseType>),
}

impl Negotiated {
    /// Returns the format that the client prefers; `None` if it accepts none of those supported.
    pub(super) fn new(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(ACCEPT).iter().peekable();
        if values.peek().is_none() {
            return Some(Self::Single(ResponseType::Json));
        }
        let ranges = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
        let ranges: Vec<_> = ranges.filter_map(MediaRange::parse).collect();
        match stream(&ranges) {
            Some(format) => Some(Self::Stream(format, whole(&ranges))),
            None => whole(&ranges).map(Self::Single),
        }
    }

    /// Returns the format for an operation of this kind: a stream only if it has several responses, or if the client
    /// accepts nothing else.
    pub(super) fn for_operation(self, kind: Option<OperationType>) -> Self {
        match self {
            Self::Stream(_, Some(media)) if kind != Some(OperationType::Subscription) => Self::Single(media),
            format => format,
        }
    }

    /// Returns the type of a single response; `None` if the client accepts only streams.
    pub(super) fn single_response_type(self) -> Option<ResponseType> {
        match self {
            Self::Single(media) => Some(media),
            Self::Stream(_, media) => media,
        }
    }
}

fn whole(ranges: &[MediaRange<'_>]) -> Option<ResponseType> {
    let quality = |names: [&str; 3]| names.iter().find_map(|name| quality(ranges, name));
    // `*/*` means JSON; the new type must be requested explicitly.
    let (json, graphql) = (quality([JSON, "application/*", "*/*"]).unwrap_or(0), quality([GRAPHQL; 3]).unwrap_or(0));
    match (json, graphql) {
        (0, 0) => None,
        _ if graphql >= json => Some(ResponseType::GraphQl),
        _ => Some(ResponseType::Json),
    }
}

/// Streams must be requested explicitly too; `*/*` does not select one.
fn stream(ranges: &[MediaRange<'_>]) -> Option<StreamFormat> {
    let events = quality(ranges, EVENT_STREAM).unwrap_or(0);
    let is_parts = |range: &&MediaRange<'_>| range.is(MULTIPART) && range.has_parameter("subscriptionSpec", "1.0");
    let parts = ranges.iter().find(is_parts).map_or(0, |range| range.quality);
    match (events, parts) {
        (0, 0) => None,
        _ if events >= parts => Some(StreamFormat::Sse),
        _ => Some(StreamFormat::Multipart),
    }
}

fn quality(ranges: &[MediaRange<'_>], name: &str) -> Option<u32> {
    ranges.iter().find(|range| range.is(name)).map(|range| range.quality)
}

impl ResponseType {
    /// Returns the value of `Content-Type`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Json => "application/json; charset=utf-8",
            Self::GraphQl => "application/graphql-response+json; charset=utf-8",
        })
    }

    /// Returns the status of a request that was rejected before execution.
    pub(super) fn error_status(self) -> StatusCode {
        match self {
            Self::Json => StatusCode::OK,
            Self::GraphQl => StatusCode::BAD_REQUEST,
        }
    }
}

/// A media range of `Accept`.
struct MediaRange<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    /// In thousandths.
    quality: u32,
}

impl<'a> MediaRange<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?;
        let parameters = parts.filter_map(|part| part.split_once('='));
        let parameters: Vec<_> = parameters.map(|(name, value)| (name, value.trim_matches('"'))).collect();
        let quality = parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case("q"));
        let quality = quality.map_or(1_000, |(_, value)| parse_quality(value));
        Some(Self { name, parameters, quality })
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    fn has_parameter(&self, name: &str, value: &str) -> bool {
        self.parameters.iter().any(|(own, of_it)| own.eq_ignore_ascii_case(name) && *of_it == value)
    }
}

/// Parses a quality in thousandths (`0.5` is 500). An invalid quality counts as 1.
fn parse_quality(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction: String = fraction.chars().chain("000".chars()).take(3).collect();
    match (whole, fraction.parse()) {
        ("0", Ok(parse_quality)) => parse_quality,
        _ => 1_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(accept: &'static str) -> Option<Negotiated> {
        Negotiated::new(&HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]))
    }

    fn whole(accept: &'static str) -> Option<ResponseType> {
        accepted(accept).and_then(Negotiated::single_response_type)
    }

    fn stream(accept: &'static str) -> Option<StreamFormat> {
        match accepted(accept) {
            Some(Negotiated::Stream(format, _)) => Some(format),
            _ => None,
        }
    }

    #[test]
    fn the_new_media_type_must_be_requested_explicitly() {
        let nothing = Negotiated::new(&HeaderMap::new());
        assert_eq!(nothing, Some(Negotiated::Single(ResponseType::Json)));
        for accept in
            ["*/*", "application/*", "application/json", "text/html, */*;q=0.1", "APPLICATION/JSON;charset=utf-8"]
        {
            assert_eq!(whole(accept), Some(ResponseType::Json), "{accept}");
        }
        for accept in [
            GRAPHQL,
            "application/graphql-response+json; charset=utf-8, application/json; charset=utf-8",
            "application/json, application/graphql-response+json",
            "application/graphql-response+json, */*;q=0.5",
        ] {
            assert_eq!(whole(accept), Some(ResponseType::GraphQl), "{accept}");
        }
    }

    #[test]
    fn the_better_quality_wins() {
        assert_eq!(whole("application/graphql-response+json;q=0.5, application/json;q=0.75"), Some(ResponseType::Json));
        assert_eq!(
            whole("application/graphql-response+json;q=0.75, application/json;q=0.5"),
            Some(ResponseType::GraphQl)
        );
        assert_eq!(whole("application/json;q=0, */*"), None);
    }

    #[test]
    fn a_stream_must_be_requested_explicitly() {
        let parts = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json";
        let quoted = "multipart/mixed; boundary=\"graphql\"; subscriptionSpec=\"1.0\", application/json";
        for (accept, format) in [
            ("text/event-stream", Some(StreamFormat::Sse)),
            ("application/json, Text/Event-Stream;q=0.4", Some(StreamFormat::Sse)),
            ("text/event-stream, multipart/mixed;subscriptionSpec=1.0", Some(StreamFormat::Sse)),
            ("text/event-stream;q=0.5, multipart/mixed;subscriptionSpec=1.0", Some(StreamFormat::Multipart)),
            (parts, Some(StreamFormat::Multipart)),
            (quoted, Some(StreamFormat::Multipart)),
            ("multipart/mixed, application/json", None),
            ("multipart/mixed;deferSpec=20220824, application/json", None),
            ("multipart/mixed;subscriptionSpec=2.0, application/json", None),
            ("text/event-stream;q=0, */*", None),
            ("*/*", None),
            ("text/*", None),
        ] {
            assert_eq!(stream(accept), format, "{accept}");
        }
        assert_eq!((whole(parts), whole("text/event-stream")), (Some(ResponseType::Json), None));
    }

    #[test]
    fn an_accept_header_without_a_supported_type_is_not_acceptable() {
        for accept in ["text/html", "text/*", "multipart/mixed", "image/*", "application/json;q=0", ""] {
            assert_eq!(accepted(accept), None, "{accept}");
        }
    }
}
