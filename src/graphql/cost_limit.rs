//! Rate limits of clients and organizations, for every transport. Each operation and each subscription event is charged
//! to its client and to its organization. A rejected document is charged by its length, since reading it is work too.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::{sync::Semaphore, time::sleep};

use super::error::ApiError;
use crate::{
    auth::viewer::{Principal, Viewer},
    domain::id::{KeyId, OrganizationId},
    rate_limit::{MonotonicClock, Rate, RateLimitStatus, RateLimited, RateLimiter},
};

/// The token buckets of all clients and organizations. Clones share them.
#[derive(Clone)]
pub(super) struct CostLimiter {
    clock: MonotonicClock,
    callers: Option<Arc<Shared<RateLimitKey>>>,
    organizations: Option<Arc<Shared<OrganizationId>>>,
}

struct Shared<K: Eq + Hash> {
    rate: Rate,
    limiter: Mutex<RateLimiter<K>>,
    queues: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// The owner of a client's bucket: an API key, or a user in any organization and role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RateLimitKey {
    Key(KeyId),
    Person(Arc<str>),
}

impl RateLimitKey {
    fn new(viewer: &Viewer) -> Self {
        match &viewer.principal {
            Principal::ApiKey(id) => Self::Key(*id),
            Principal::User { id, .. } => Self::Person(Arc::clone(id)),
        }
    }
}

impl CostLimiter {
    /// Creates the buckets with these rates; `None` for no limit.
    pub(super) fn new(caller: Option<Rate>, organization: Option<Rate>) -> Self {
        let callers = caller.map(|rate| Arc::new(Shared::new(rate)));
        let organizations = organization.map(|rate| Arc::new(Shared::new(rate)));
        Self { clock: MonotonicClock::start(), callers, organizations }
    }

    /// Checks that neither `viewer` nor its organization has exhausted its limit.
    pub(super) fn check(&self, viewer: &Viewer) -> Result<(), ApiError> {
        self.check_caller(viewer).and_then(|()| self.check_organization(viewer)).map_err(rate_limited)
    }

    /// Charges `cost`, even if that overdraws the limits.
    pub(super) fn take(&self, viewer: &Viewer, cost: u64) {
        let now_ms = self.clock.now_ms();
        if let Some(callers) = &self.callers {
            callers.allowances().take(RateLimitKey::new(viewer), cost, now_ms);
        }
        if let Some((organizations, whose)) = self.organizations.as_ref().zip(viewer.organization.as_ref()) {
            organizations.allowances().take(whose.clone(), cost, now_ms);
        }
    }

    /// Charges `cost` unless a limit is exhausted. Of many concurrent operations, one may overdraw a limit.
    pub(super) fn pay(&self, viewer: &Viewer, cost: u64) -> Result<(), ApiError> {
        self.try_take(viewer, cost).map_err(rate_limited)
    }

    /// The rates and state of the client's and the organization's limits, if they have one.
    pub(super) fn statuses(&self, viewer: &Viewer) -> [Option<(Rate, RateLimitStatus)>; 2] {
        let now_ms = self.clock.now_ms();
        let caller = self.callers.as_ref().map(|callers| callers.status(&RateLimitKey::new(viewer), now_ms));
        let organizations = self.organizations.as_ref().zip(viewer.organization.as_ref());
        [caller, organizations.map(|(organizations, whose)| organizations.status(whose, now_ms))]
    }

    /// The account that is charged for the events of a subscription of `viewer`.
    pub(super) fn account(&self, viewer: &Arc<Viewer>) -> Account {
        let caller = self.callers.as_ref().map(|callers| callers.queue(&RateLimitKey::new(viewer)));
        let organizations = self.organizations.as_ref().zip(viewer.organization.as_ref());
        let organization = organizations.map(|(organizations, whose)| organizations.queue(whose));
        Account { cost_limiter: self.clone(), viewer: Arc::clone(viewer), caller, organization }
    }

    fn try_take(&self, viewer: &Viewer, cost: u64) -> Result<(), RateLimited> {
        let now_ms = self.clock.now_ms();
        let (payer, organization) = (RateLimitKey::new(viewer), viewer.organization.as_ref());
        // Locks both, the client's first, so that one is not charged if the other is exhausted.
        let mut callers = self.callers.as_ref().map(|callers| callers.allowances());
        let mut organizations = self.organizations.as_ref().map(|organizations| organizations.allowances());
        let mut organizations = organizations.as_mut().zip(organization);
        if let Some(callers) = &callers {
            callers.check(&payer, now_ms)?;
        }
        if let Some((organizations, whose)) = &organizations {
            organizations.check(whose, now_ms)?;
        }
        if let Some(callers) = &mut callers {
            callers.take(payer, cost, now_ms);
        }
        if let Some((organizations, whose)) = &mut organizations {
            organizations.take(whose.clone(), cost, now_ms);
        }
        Ok(())
    }

    fn check_caller(&self, viewer: &Viewer) -> Result<(), RateLimited> {
        let Some(callers) = &self.callers else { return Ok(()) };
        callers.allowances().check(&RateLimitKey::new(viewer), self.clock.now_ms())
    }

    fn check_organization(&self, viewer: &Viewer) -> Result<(), RateLimited> {
        let organizations = self.organizations.as_ref().zip(viewer.organization.as_ref());
        let Some((organizations, whose)) = organizations else { return Ok(()) };
        organizations.allowances().check(whose, self.clock.now_ms())
    }
}

impl<K: Clone + Eq + Hash> Shared<K> {
    fn new(rate: Rate) -> Self {
        Self { rate, limiter: Mutex::new(RateLimiter::new(rate)), queues: Mutex::default() }
    }

    fn status(&self, whose: &K, now_ms: u64) -> (Rate, RateLimitStatus) {
        (self.rate, self.allowances().status(whose, now_ms))
    }

    fn allowances(&self) -> MutexGuard<'_, RateLimiter<K>> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The queue of the subscriptions that wait for this limit to refill.
    fn queue(&self, whose: &K) -> Arc<Semaphore> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(whose).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::new(Semaphore::new(1));
        queues.insert(whose.clone(), Arc::downgrade(&queue));
        queue
    }
}

/// The account of a subscription's events. Events of one client wait in one queue, and the clients of an organization
/// in another. Each subscription therefore gets its turn, and clients do not wait for each other.
#[derive(Clone)]
pub(super) struct Account {
    cost_limiter: CostLimiter,
    viewer: Arc<Viewer>,
    caller: Option<Arc<Semaphore>>,
    organization: Option<Arc<Semaphore>>,
}

impl Account {
    /// Charges `cost` if neither limit is exhausted and no other event waits for one. Returns whether it did.
    pub(super) fn try_pay(&self, cost: u64) -> bool {
        let is_first =
            |queue: &Option<Arc<Semaphore>>| queue.as_ref().is_none_or(|queue| queue.available_permits() > 0);
        is_first(&self.caller) && is_first(&self.organization) && self.cost_limiter.try_take(&self.viewer, cost).is_ok()
    }

    /// Returns whether a limit is exhausted.
    pub(super) fn is_exhausted(&self) -> bool {
        self.cost_limiter.check(&self.viewer).is_err()
    }

    /// Charges `cost` as soon as neither limit is exhausted. Cancel-safe: a cancelled call charges nothing.
    pub(super) async fn pay(&self, cost: u64) {
        let _first_of_caller = first(self.caller.as_deref()).await;
        loop {
            refilled(|| self.cost_limiter.check_caller(&self.viewer)).await;
            let _first_of_organization = first(self.organization.as_deref()).await;
            refilled(|| self.cost_limiter.check_organization(&self.viewer)).await;
            if self.cost_limiter.try_take(&self.viewer, cost).is_ok() {
                return;
            }
        }
    }
}

/// Waits for the first position in the queue.
async fn first(queue: Option<&Semaphore>) -> Option<tokio::sync::SemaphorePermit<'_>> {
    match queue {
        Some(queue) => Some(queue.acquire().await.expect("the semaphore is never closed")),
        None => None,
    }
}

/// Waits until the limit is no longer exhausted.
async fn refilled(check: impl Fn() -> Result<(), RateLimited>) {
    while let Err(RateLimited { retry_after_ms }) = check() {
        sleep(Duration::from_millis(retry_after_ms)).await;
    }
}

fn rate_limited(RateLimited { retry_after_ms }: RateLimited) -> ApiError {
    ApiError::rate_limited(Duration::from_millis(retry_after_ms))
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::join_all};
    use tokio::time::{Instant, advance};

    use super::*;
    use crate::domain::capability::Capabilities;

    const SMALL: Rate = Rate { per_minute: 60, burst: 10 };
    const LARGE: Rate = Rate { per_minute: 600, burst: 100 };

    fn key(organization: &str, made_at: i64) -> Arc<Viewer> {
        Arc::new(Viewer {
            organization: Some(organization.parse().expect("an id")),
            principal: Principal::ApiKey(KeyId::new(made_at)),
            capabilities: Capabilities::all(),
            expires_at: None,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn an_organization_has_one_allowance_however_many_keys_it_has() {
        let cost_limiter = CostLimiter::new(Some(SMALL), Some(SMALL));
        let keys: Vec<_> = (1..4).map(|made_at| key("org_1", made_at)).collect();
        cost_limiter.pay(&keys[0], 6).expect("something is left");
        cost_limiter.pay(&keys[1], 6).expect("one operation may overdraw it");
        let refused = cost_limiter.pay(&keys[2], 1).expect_err("the limit of the organization is overdrawn");
        assert_eq!(refused.retry_after, Some(Duration::from_millis(2_001)));
        assert!(cost_limiter.check(&keys[2]).is_err());
        let [own, organizations] = cost_limiter.statuses(&keys[2]).map(|standing| standing.expect("a limit").1.left);
        assert_eq!((own, organizations), (10, 0), "the key itself was not charged");
        cost_limiter.pay(&key("org_2", 9), 1).expect("another organization has its own");
    }

    #[tokio::test(start_paused = true)]
    async fn of_many_at_the_same_time_one_overdraws() {
        let cost_limiter = CostLimiter::new(Some(SMALL), Some(LARGE));
        let viewer = key("org_1", 1);
        let paid = (0..50).filter(|_| cost_limiter.pay(&viewer, 8).is_ok()).count();
        assert_eq!(paid, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn events_wait_until_they_are_paid_for_and_take_turns() {
        let cost_limiter = CostLimiter::new(Some(SMALL), Some(LARGE));
        let (viewer, other) = (key("org_1", 1), key("org_1", 2));
        let [one, two] = [(); 2].map(|()| cost_limiter.account(&viewer));
        one.pay(12).await;
        assert!(one.pay(5).now_or_never().is_none(), "the limit of the client is overdrawn");
        assert!(cost_limiter.account(&other).pay(5).now_or_never().is_some(), "another client does not wait");
        let began = Instant::now();
        let order = Mutex::new(Vec::new());
        join_all([(1, &one), (2, &two)].map(|(number, account)| {
            let order = &order;
            async move {
                for _ in 0..2 {
                    account.pay(3).await;
                    order.lock().expect("whole").push(number);
                }
            }
        }))
        .await;
        assert_eq!(*order.lock().expect("whole"), [1, 2, 1, 2]);
        // 2 + 3 × 3 units had to be refilled, at one per second, before the last payment could overdraw the limit.
        assert!((11..13).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_wait_is_not_charged_and_does_not_block_others() {
        let cost_limiter = CostLimiter::new(Some(SMALL), Some(LARGE));
        let viewer = key("org_1", 1);
        let account = cost_limiter.account(&viewer);
        account.pay(11).await;
        assert!(account.pay(100).now_or_never().is_none());
        advance(Duration::from_secs(2)).await;
        assert!(account.pay(1).now_or_never().is_some());
        drop(account);
        let _another = cost_limiter.account(&key("org_1", 3));
        let callers = cost_limiter.callers.as_ref().expect("a limit").queues.lock().expect("whole").len();
        assert_eq!(callers, 1, "a queue is dropped with its last subscription");
    }
}
