//! Operations in progress. A subscription to changes begins on its own, like every other: its first answer contains its
//! position, and with `after` it reads what it missed. It then receives the events that it shares with all subscribers
//! to the same. It continues on its own again if an event is not there for it: after a failure, if the client is slow,
//! or while its rate limit is exhausted. Its position decides what comes next, so no event is lost or sent twice.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use async_graphql::{Request, Response, parser::types::OperationType};
use futures_util::{
    StreamExt as _,
    stream::{self, BoxStream},
};
use tokio::time::Instant;

use super::{
    answer::{Answer, SharedEvent},
    backpressure::{AnswerPacer, AnswerSlots},
    cost_limit::Account,
    engine::{Caller, Engine, PreparedRequest},
    metrics::{Metrics, OpenOperation},
    open_limit::OpenPermit,
    shared_events::{EventTemplate, MAX_CHANGES_BEHIND, Member, SharedEvents},
};
use crate::{domain::cursor::ChangeCursor, feed::ReportedPosition};

/// A started operation.
pub struct Operation {
    /// The kind of operation; `None` if it was rejected. A subscription has answers until it ends or fails, any other
    /// operation has one.
    pub kind: Option<OperationType>,
    source: Source,
    /// The subscription; `None` for other operations.
    subscriber: Option<Box<Subscriber>>,
    /// Records the first answer.
    first: Option<(Metrics, Instant)>,
}

/// The source of an operation's answers.
enum Source {
    Own(BoxStream<'static, Answer>),
    Shared(Member),
}

impl Operation {
    /// An operation whose only answer is this.
    pub(super) fn rejected(response: Response) -> Self {
        let answers = stream::once(async { Answer::Own(Box::new(response), None) }).boxed();
        Self { kind: None, source: Source::Own(answers), subscriber: None, first: None }
    }

    /// A query or a mutation.
    pub(super) fn single(kind: OperationType, answers: BoxStream<'static, Answer>) -> Self {
        Self { kind: Some(kind), source: Source::Own(answers), subscriber: None, first: None }
    }

    /// The same operation, which records its first answer, and the time since the request.
    pub(super) fn measured(self, metrics: &Metrics, begun: Instant) -> Self {
        Self { first: Some((metrics.clone(), begun)), ..self }
    }

    /// Returns the next answer; `None` at the end. Cancel-safe.
    pub async fn next(&mut self) -> Option<Answer> {
        loop {
            match &mut self.source {
                Source::Own(answers) => {
                    let answer = answers.next().await?;
                    self.record(&answer);
                    return Some(answer);
                }
                Source::Shared(_) => {
                    if let Some(answer) = poll_fn(|context| self.poll_shared(context)).await {
                        return Some(answer);
                    }
                }
            }
        }
    }

    /// Continues with shared events if they include every event after the last answer, which must not have failed.
    /// Returns whether it does.
    pub fn join_shared(&mut self) -> bool {
        if let (Source::Own(_), Some(subscriber)) = (&self.source, &mut self.subscriber)
            && let Some(member) = subscriber.join()
        {
            self.source = Source::Shared(member);
        }
        matches!(self.source, Source::Shared(_))
    }

    /// Returns the next shared event. `None` if the operation continues on its own, with [`Operation::next`]. Holds no
    /// resources while it waits, so that a connection can poll it between other work.
    pub fn poll_shared(&mut self, context: &mut Context<'_>) -> Poll<Option<Answer>> {
        let (Source::Shared(member), Some(subscriber)) = (&mut self.source, &mut self.subscriber) else {
            return Poll::Ready(None);
        };
        if let Some(event) = ready!(member.poll_event(context))
            && subscriber.pay(&event)
        {
            return Poll::Ready(Some(Answer::Shared(event)));
        }
        self.source = Source::Own(subscriber.resume());
        Poll::Ready(None)
    }

    fn record(&mut self, answer: &Answer) {
        if let (Some((metrics, begun)), Answer::Own(response, _)) = (self.first.take(), answer) {
            metrics.answered(self.kind, begun, response);
        }
        let Some(subscriber) = &mut self.subscriber else { return };
        subscriber.may_share = answer.failure(self.kind).is_none() && !answer.has_internal_error();
        if let Some(position) = answer.position() {
            subscriber.delivered(position.cursor);
        }
    }
}

/// A subscription, whichever source its events have.
pub(super) struct Subscriber {
    engine: Arc<Engine>,
    shared: SharedEvents,
    caller: Caller,
    turns: AnswerSlots,
    account: Account,
    _counted: (OpenPermit, OpenOperation),
    /// The cost of an event.
    cost: u64,
    /// Executes its events for all; `None` if it shares none.
    template: Option<Arc<EventTemplate>>,
    /// True if the last answer is its own and has not failed. Otherwise the shared events may fail again at once.
    may_share: bool,
    /// The position after the last answer.
    after: Option<ChangeCursor>,
    /// Reports the position while the events are shared.
    reported: Option<ReportedPosition>,
}

impl Subscriber {
    pub(super) fn new(
        engine: Arc<Engine>,
        shared: SharedEvents,
        caller: Caller,
        turns: AnswerSlots,
        account: Account,
        open: OpenPermit,
    ) -> Self {
        let counted = (open, engine.metrics.subscribed());
        Self {
            engine,
            shared,
            caller,
            turns,
            account,
            _counted: counted,
            cost: 1,
            template: None,
            may_share: false,
            after: None,
            reported: None,
        }
    }

    /// Starts the subscription.
    pub(super) fn start(mut self, mut request: Request, prepared: PreparedRequest) -> Operation {
        let prepared = Arc::new(prepared);
        self.cost = prepared.cost;
        self.template = EventTemplate::new(&mut request, &self.caller.viewer, &prepared).map(Arc::new);
        let kind = Some(prepared.kind);
        let source = Source::Own(self.engine.answers(self.caller.clone(), request, prepared, self.pace()));
        Operation { kind, source, subscriber: Some(Box::new(self)), first: None }
    }

    fn pace(&self) -> AnswerPacer {
        AnswerPacer::new(self.turns.clone()).paid(self.account.clone(), self.cost)
    }

    /// Joins the subscribers to the same events, as the first of them if there are no others.
    fn join(&mut self) -> Option<Member> {
        let (Some(template), Some(after)) = (&self.template, self.after) else { return None };
        if !self.may_share || self.account.is_exhausted() {
            return None;
        }
        let chats = &self.engine.parts.chats;
        let lead = |turns| {
            // What it missed before is its own, and is charged.
            let is_recent =
                chats.changes_after(&self.caller.viewer, after).is_ok_and(|behind| behind <= MAX_CHANGES_BEHIND);
            is_recent.then(|| self.events(template, after, AnswerPacer::new(turns)))
        };
        let member = self.shared.join(template, after, lead)?;
        // Others have the same one.
        self.template = Some(Arc::clone(member.template()));
        self.reported = self.engine.parts.chats.report_position(&self.caller.viewer, after).ok();
        Some(member)
    }

    /// Charges a shared event; returns whether it is paid for.
    fn pay(&mut self, event: &SharedEvent) -> bool {
        let paid = self.account.try_pay(event.position.cost(self.cost));
        if paid {
            self.delivered(event.position.cursor);
        }
        paid
    }

    /// Continues on its own after the last answer.
    fn resume(&mut self) -> BoxStream<'static, Answer> {
        (self.reported, self.may_share) = (None, false);
        let (Some(template), Some(after)) = (&self.template, self.after) else { return stream::empty().boxed() };
        self.events(template, after, self.pace())
    }

    fn events(&self, template: &EventTemplate, after: ChangeCursor, pace: AnswerPacer) -> BoxStream<'static, Answer> {
        self.engine.answers(self.caller.clone(), template.request(after), Arc::clone(template.prepared()), pace)
    }

    fn delivered(&mut self, after: ChangeCursor) {
        self.engine.metrics.event_delivered();
        self.after = Some(after);
        if let Some(reported) = &self.reported {
            reported.set(after.number);
        }
    }
}
