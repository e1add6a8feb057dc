//! Metrics in the format that the scraper accepts: `OpenMetrics`, or the older Prometheus text format. The encoding
//! library writes only the first.

use std::collections::HashSet;

use axum::{
    http::{
        HeaderMap, HeaderValue,
        header::{ACCEPT, CONTENT_TYPE},
    },
    response::{IntoResponse as _, Response},
};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Returns the response to a scraper with these headers; `figures` are in `OpenMetrics`.
pub(super) fn response(headers: &HeaderMap, figures: String) -> Response {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let (media, body) =
        if accept.contains("application/openmetrics-text") { (OPEN_METRICS, figures) } else { (TEXT, text(&figures)) };
    ([(CONTENT_TYPE, HeaderValue::from_static(media))], body).into_response()
}

/// Converts `OpenMetrics` to the older text format: a counter's metadata has the name of its samples, and there are no
/// `UNIT` and `EOF` lines.
fn text(figures: &str) -> String {
    let described = figures.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"));
    let counters: HashSet<_> = described.collect();
    let mut text = String::with_capacity(figures.len());
    for line in figures.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("UNIT" | "EOF"), ..) => continue,
            (Some("#"), Some(word), Some(name), Some(rest)) if counters.contains(name) => {
                text.extend(["# ", word, " ", name, "_total ", rest]);
            }
            _ => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_described_by_the_name_of_its_samples() {
        let figures = "# HELP a Of a.\n# TYPE a counter\na_total 1\n# HELP b_seconds Of b.\n# TYPE b_seconds gauge\n\
                       # UNIT b_seconds seconds\nb_seconds 2\n# EOF\n";
        let expected = "# HELP a_total Of a.\n# TYPE a_total counter\na_total 1\n# HELP b_seconds Of b.\n\
                        # TYPE b_seconds gauge\nb_seconds 2\n";
        assert_eq!(text(figures), expected);
    }

    #[test]
    fn a_scraper_gets_open_metrics_if_it_accepts_it() {
        let media = |accept: &'static str| {
            let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
            response(&headers, String::new()).headers()[CONTENT_TYPE].clone()
        };
        assert_eq!(media("application/openmetrics-text;version=1.0.0,text/plain;q=0.5"), OPEN_METRICS);
        for accept in ["text/plain;version=0.0.4", "*/*", ""] {
            assert_eq!(media(accept), TEXT, "{accept}");
        }
    }
}
