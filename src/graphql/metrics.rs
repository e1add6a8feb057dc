//! Metrics of operations, for every transport. A label's value is `'static`, so that no text of a request can become
//! one.

use std::time::Duration;

use async_graphql::{Response, ServerError, parser::types::OperationType};
use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use tokio::time::Instant;

use super::error::ApiErrorCode;

/// Bounds of the histogram's buckets, in seconds.
const BUCKETS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Metrics of operations. Clones share them.
#[derive(Debug, Clone)]
pub struct Metrics {
    answered: Family<Labels<2>, Counter>,
    took: Family<Labels<1>, Histogram, fn() -> Histogram>,
    subscriptions: Gauge,
    rendered: Family<Labels<1>, Counter>,
    executed_events: Counter,
    delivered_events: Counter,
    cache_lookups: Family<Labels<1>, Counter>,
    cache_size: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let took = Family::new_with_constructor(histogram);
        let (executed_events, delivered_events) = (Counter::default(), Counter::default());
        let (subscriptions, rendered) = (Gauge::default(), Family::default());
        let (cache_lookups, cache_size) = (Family::default(), Gauge::default());
        Self {
            answered: Family::default(),
            took,
            subscriptions,
            rendered,
            executed_events,
            delivered_events,
            cache_lookups,
            cache_size,
        }
    }
}

impl Metrics {
    /// Registers the metrics.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "operations",
            "Operations, by kind and by the code of their first error",
            self.answered.clone(),
        );
        let took = "Duration of operations; for subscriptions until the first event";
        registry.register_with_unit("operation_duration", took, Unit::Seconds, self.took.clone());
        registry.register("subscriptions", "Open subscriptions", self.subscriptions.clone());
        let rendered = "Lists of chats and chats in responses, written as text or resolved field by field";
        registry.register("chat_objects", rendered, self.rendered.clone());
        let executed = "Events of chatChanges that were executed, each for one or more subscribers";
        registry.register("executed_events", executed, self.executed_events.clone());
        let delivered = "Events of chatChanges that subscribers received";
        registry.register("delivered_events", delivered, self.delivered_events.clone());
        let lookups = "Queries that could have a stored response, by whether there was one";
        registry.register("response_cache_lookups", lookups, self.cache_lookups.clone());
        let size = "Memory of stored responses";
        registry.register_with_unit("response_cache_size", size, Unit::Bytes, self.cache_size.clone());
    }

    /// Records a response, and the time since the request.
    pub(super) fn answered(&self, kind: Option<OperationType>, since: Instant, response: &Response) {
        self.observe(kind, since, code(&response.errors));
    }

    /// Records a stored response, and the time since the request.
    pub(super) fn answered_again(&self, since: Instant) {
        self.observe(Some(OperationType::Query), since, "ok");
    }

    fn observe(&self, kind: Option<OperationType>, since: Instant, code: &'static str) {
        let kind = operation_label(kind);
        self.answered.get_or_create(&[("kind", kind), ("code", code)]).inc();
        let took: Duration = since.elapsed();
        self.took.get_or_create(&[("kind", kind)]).observe(took.as_secs_f64());
    }

    /// Counts a lookup of a stored response.
    pub(super) fn cached(&self, found: bool) {
        self.cache_lookups.get_or_create(&[("result", if found { "hit" } else { "miss" })]).inc();
    }

    /// The number of lookups that found a stored response, and of those that found none.
    #[cfg(test)]
    pub(crate) fn cache_counts(&self) -> (u64, u64) {
        let [hit, miss] = ["hit", "miss"].map(|result| self.cache_lookups.get_or_create(&[("result", result)]).get());
        (hit, miss)
    }

    /// Records the memory of all stored responses, in bytes.
    pub(super) fn cache_size(&self, bytes: usize) {
        self.cache_size.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Counts an object that was written as text, or that the engine resolved.
    pub(super) fn rendered(&self, as_text: bool) {
        self.rendered.get_or_create(&[("by", if as_text { "text" } else { "engine" })]).inc();
    }

    /// The number of objects written as text, and of those that the engine resolved.
    #[cfg(test)]
    pub(crate) fn rendered_counts(&self) -> (u64, u64) {
        let [text, engine] = ["text", "engine"].map(|by| self.rendered.get_or_create(&[("by", by)]).get());
        (text, engine)
    }

    /// Counts an event of `chatChanges` that was executed.
    pub(super) fn event_executed(&self) {
        self.executed_events.inc();
    }

    /// Counts an event of `chatChanges` that a subscriber receives.
    pub(super) fn event_delivered(&self) {
        self.delivered_events.inc();
    }

    /// The number of events that were executed, and of those that subscribers received.
    #[cfg(test)]
    pub(crate) fn event_counts(&self) -> (u64, u64) {
        (self.executed_events.get(), self.delivered_events.get())
    }

    /// Counts a subscription until the result is dropped.
    pub(super) fn subscribed(&self) -> OpenOperation {
        self.subscriptions.inc();
        OpenOperation(self.subscriptions.clone())
    }
}

/// An open subscription.
pub(super) struct OpenOperation(Gauge);

impl Drop for OpenOperation {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The kind of operation in metrics and traces.
pub(super) fn operation_label(kind: Option<OperationType>) -> &'static str {
    match kind {
        Some(OperationType::Query) => "query",
        Some(OperationType::Mutation) => "mutation",
        Some(OperationType::Subscription) => "subscription",
        None => "unknown",
    }
}

/// The code of the first error, if it is one of the contract.
fn code(errors: &[ServerError]) -> &'static str {
    let Some(first) = errors.first() else { return "ok" };
    let told = first.extensions.as_ref().and_then(|extensions| extensions.get("code"));
    let known = ApiErrorCode::ALL.iter().map(|code| code.as_str()).find(|code| told == Some(&(*code).into()));
    known.unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;
    use crate::graphql::error::ApiError;

    fn failed(error: ApiError) -> Response {
        let error = async_graphql::Error::from(error).into_server_error(async_graphql::Pos::default());
        Response::from_errors(vec![error])
    }

    #[tokio::test]
    async fn an_answer_is_counted_by_its_kind_and_code() {
        let metrics = Metrics::default();
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        metrics.answered(Some(OperationType::Query), Instant::now(), &Response::new(async_graphql::Value::Null));
        metrics.answered(Some(OperationType::Mutation), Instant::now(), &failed(ApiError::chat_not_found()));
        let unknown = Response::from_errors(vec![ServerError::new("of another make", None)]);
        metrics.answered(None, Instant::now(), &unknown);
        let open = metrics.subscribed();
        let text = |registry: &Registry| {
            let mut text = String::new();
            encode(&mut text, registry).expect("text");
            text
        };
        let told = text(&registry);
        for line in [
            "operations_total{kind=\"query\",code=\"ok\"} 1",
            "operations_total{kind=\"mutation\",code=\"not_found\"} 1",
            "operations_total{kind=\"unknown\",code=\"other\"} 1",
            "operation_duration_seconds_count{kind=\"query\"} 1",
            "subscriptions 1",
        ] {
            assert!(told.lines().any(|told| told == line), "{line} is missing in\n{told}");
        }
        drop(open);
        assert!(text(&registry).contains("\nsubscriptions 0\n"));
    }
}
