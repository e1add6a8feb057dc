//! Events that are executed once for several subscribers. Subscriptions to changes share their events if they have the
//! same document, variables and permissions in the same organization; only `after` may differ. The first of them starts
//! one more subscription, the *leader*, in a task. Each event of the leader is written as JSON text once, and all
//! subscribers are woken at the same time.
//!
//! `template` decides which subscriptions share their events. `group` keeps the leader's recent events, in which each
//! subscriber has a position.

mod group;
mod template;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{StreamExt as _, stream::BoxStream};
use tokio_util::task::TaskTracker;

use super::{answer::Answer, backpressure::AnswerSlots, operation_key::OperationKey};
use crate::domain::cursor::ChangeCursor;
use group::Group;

pub(super) use group::{MAX_CHANGES_BEHIND, Member};
pub(super) use template::EventTemplate;

/// Maximum number of events that the leader executes before one of the subscribers has taken the first of them.
const MAX_EVENTS_AHEAD: usize = 8;

/// The groups of subscribers with the same events. Clones share them.
#[derive(Clone)]
pub(super) struct SharedEvents {
    groups: Arc<Mutex<HashMap<OperationKey, Arc<Group>>>>,
    tasks: TaskTracker,
}

impl SharedEvents {
    /// Creates no groups yet. Leaders run on `tasks`.
    pub(super) fn new(tasks: TaskTracker) -> Self {
        Self { groups: Arc::default(), tasks }
    }

    /// Joins the group of this template for the events after `after`. The first one creates the group, with the answers
    /// of `lead` to these turns. `None` if the group no longer has all of these events or is far behind, or if there is
    /// no group and `lead` returns `None`.
    pub(super) fn join(
        &self,
        template: &Arc<EventTemplate>,
        after: ChangeCursor,
        lead: impl FnOnce(AnswerSlots) -> Option<BoxStream<'static, Answer>>,
    ) -> Option<Member> {
        let mut groups = self.groups();
        if let Some(group) = groups.get(&template.key) {
            return group.join(after);
        }
        let answers = lead(AnswerSlots::new(MAX_EVENTS_AHEAD))?;
        let group = Arc::new(Group::new(Arc::clone(template), after));
        let member = group.join(after);
        groups.insert(template.key.clone(), Arc::clone(&group));
        drop(groups);
        self.tasks.spawn(Leader { shared: self.clone(), group }.publish(answers));
        member
    }

    fn groups(&self) -> MutexGuard<'_, HashMap<OperationKey, Arc<Group>>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leader of a group. The group ends when this is dropped.
struct Leader {
    shared: SharedEvents,
    group: Arc<Group>,
}

impl Leader {
    /// Publishes the leader's events until one of them cannot be shared, or until the last subscriber has left.
    async fn publish(self, answers: BoxStream<'static, Answer>) {
        let mut answers = answers.ready_chunks(MAX_EVENTS_AHEAD);
        loop {
            tokio::select! {
                () = self.group.is_abandoned() => {
                    let mut groups = self.shared.groups();
                    // Subscribers join under this lock.
                    if self.group.is_empty() {
                        groups.remove(self.group.key());
                        return;
                    }
                }
                events = answers.next() => {
                    if !events.is_some_and(|events| self.group.publish(events)) {
                        return;
                    }
                }
            }
        }
    }
}

/// Also after a panic: the subscribers then continue on their own.
impl Drop for Leader {
    fn drop(&mut self) {
        let mut groups = self.shared.groups();
        if groups.get(self.group.key()).is_some_and(|current| Arc::ptr_eq(current, &self.group)) {
            groups.remove(self.group.key());
        }
        drop(groups);
        self.group.end();
    }
}
