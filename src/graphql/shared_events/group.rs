//! Subscribers with the same events, and the recent ones of them.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use async_graphql::parser::types::OperationType;
use futures_util::StreamExt as _;
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;

use super::template::EventTemplate;
use crate::{
    domain::cursor::ChangeCursor,
    graphql::{
        answer::{Answer, SharedEvent},
        backpressure::AnswerPermit,
        operation_key::OperationKey,
    },
};

/// Maximum number of recent events. A subscriber that needs an older one leaves.
const MAX_EVENTS: usize = 1024;
/// Maximum size of the recent events for each subscriber, in bytes. Events that no subscriber has taken may exceed it.
const MAX_BYTES_EACH: usize = 16 * 1024;
/// The same for all subscribers together.
const MAX_BYTES: usize = 1024 * 1024;

/// Maximum number of changes that the leader may be behind a subscriber that joins: they are executed for no one.
pub(in crate::graphql) const MAX_CHANGES_BEHIND: i64 = 256;

/// Subscribers with the same events. Only the leader publishes.
pub(super) struct Group {
    template: Arc<EventTemplate>,
    recent: Mutex<RecentEvents>,
    /// Wakes the subscribers, of which each has a receiver.
    published: watch::Sender<()>,
}

/// The newest events, without gaps.
struct RecentEvents {
    /// The events, each with its turn until a subscriber takes it.
    events: VecDeque<(SharedEvent, Option<AnswerPermit>)>,
    /// The index of the first of them, counted from the start of the group.
    first: u64,
    /// The change after which all events are there.
    after: i64,
    bytes: usize,
    /// True if the leader has ended.
    ended: bool,
}

/// The event at an index of a group.
enum Slot {
    Event(SharedEvent),
    /// It is not published yet.
    Pending,
    /// It is no longer there, or the leader has ended.
    Gone,
}

impl Group {
    pub(super) fn new(template: Arc<EventTemplate>, after: ChangeCursor) -> Self {
        let recent = RecentEvents { events: VecDeque::new(), first: 0, after: after.number, bytes: 0, ended: false };
        Self { template, recent: Mutex::new(recent), published: watch::Sender::new(()) }
    }

    pub(super) fn key(&self) -> &OperationKey {
        &self.template.key
    }

    /// Adds a subscriber to the events after `after`; `None` if some of them are no longer there, or if the leader is far
    /// behind.
    pub(super) fn join(self: &Arc<Self>, after: ChangeCursor) -> Option<Member> {
        // Subscribes first: every event from here on wakes this subscriber.
        let published = WatchStream::from_changes(self.published.subscribe());
        let mut recent = self.recent();
        if recent.ended || after.number < recent.after || after.number - recent.end() > MAX_CHANGES_BEHIND {
            return None;
        }
        let known = recent.events.partition_point(|(event, _)| event.position.cursor.number <= after.number);
        // The leader must not wait until these are taken: this may become the only subscriber.
        recent.events.iter_mut().take(known).for_each(|(_, turn)| *turn = None);
        let next = recent.first + known as u64;
        drop(recent);
        Some(Member { group: Arc::clone(self), published, next, after: after.number })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.published.receiver_count() == 0
    }

    /// Resolves when there is no subscriber.
    pub(super) async fn is_abandoned(&self) {
        self.published.closed().await;
    }

    /// Publishes the leader's answers up to the first one that cannot be shared, and wakes the subscribers. Returns
    /// whether all could be.
    pub(super) fn publish(&self, answers: Vec<Answer>) -> bool {
        let count = answers.len();
        let events: Vec<_> = answers.into_iter().map_while(shared).collect();
        let are_all = events.len() == count;
        let most = MAX_BYTES.min(MAX_BYTES_EACH.saturating_mul(self.published.receiver_count()));
        let mut recent = self.recent();
        for (event, turn) in events {
            recent.bytes += event.json.len();
            recent.events.push_back((event, Some(turn)));
        }
        // An event that no subscriber has taken keeps its turn, so the leader cannot run ahead.
        while (recent.events.len() > MAX_EVENTS || recent.bytes > most) && recent.is_first_taken() {
            recent.forget_first();
        }
        drop(recent);
        self.published.send_replace(());
        are_all
    }

    /// Ends the group: its subscribers continue on their own.
    pub(super) fn end(&self) {
        self.recent().ended = true;
        self.published.send_replace(());
    }

    /// Takes the event at this index.
    fn take(&self, index: u64) -> Slot {
        let mut recent = self.recent();
        let Some(at) = index.checked_sub(recent.first) else { return Slot::Gone };
        let is_ended = recent.ended;
        let Some((event, turn)) = usize::try_from(at).ok().and_then(|at| recent.events.get_mut(at)) else {
            return if is_ended { Slot::Gone } else { Slot::Pending };
        };
        *turn = None;
        let event = event.clone();
        if self.published.receiver_count() == 1 {
            // No one else needs it.
            while recent.first <= index {
                recent.forget_first();
            }
        }
        Slot::Event(event)
    }

    fn recent(&self) -> MutexGuard<'_, RecentEvents> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RecentEvents {
    /// The number of the last change with an event, or of the change before all events.
    fn end(&self) -> i64 {
        self.events.back().map_or(self.after, |(event, _)| event.position.cursor.number)
    }

    fn is_first_taken(&self) -> bool {
        self.events.front().is_some_and(|(_, turn)| turn.is_none())
    }

    fn forget_first(&mut self) {
        if let Some((event, _)) = self.events.pop_front() {
            self.first += 1;
            self.after = event.position.cursor.number;
            self.bytes -= event.json.len();
        }
    }
}

/// Converts an answer to an event with its turn. `None` for the end of the leader's subscription, and for an internal
/// error: each subscriber gets its own, with the id of its request.
fn shared(answer: Answer) -> Option<(SharedEvent, AnswerPermit)> {
    if answer.failure(Some(OperationType::Subscription)).is_some() || answer.has_internal_error() {
        return None;
    }
    let json = answer.json().into();
    let Answer::Own(_, Some(turn)) = answer else { return None };
    let position = turn.position.clone()?;
    Some((SharedEvent { json, position }, turn))
}

/// A subscriber of a group. It leaves the group when this is dropped.
pub(in crate::graphql) struct Member {
    group: Arc<Group>,
    published: WatchStream<()>,
    /// The index of its next event.
    next: u64,
    /// The last change that it has received, or that did not match.
    after: i64,
}

impl Member {
    pub(in crate::graphql) fn template(&self) -> &Arc<EventTemplate> {
        &self.group.template
    }

    /// Returns the next event; `None` if the group does not have it.
    pub(in crate::graphql) fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<SharedEvent>> {
        loop {
            match self.group.take(self.next) {
                Slot::Event(event) => {
                    self.next += 1;
                    // The leader may be behind a subscriber that joins.
                    let number = event.position.cursor.number;
                    if number > self.after || (number == self.after && !event.position.has_change) {
                        self.after = number;
                        return Poll::Ready(Some(event));
                    }
                }
                Slot::Pending => {
                    if ready!(self.published.poll_next_unpin(context)).is_none() {
                        return Poll::Ready(None);
                    }
                }
                Slot::Gone => return Poll::Ready(None),
            }
        }
    }
}
