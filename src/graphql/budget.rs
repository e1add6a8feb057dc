//! What a caller may ask for in a time: every operation takes what it costs from its caller's allowance, whatever transport
//! it came by. A document that is refused takes its length, since reading it was work, too.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::Instant;

use crate::auth::viewer::Principal;
use crate::auth::viewer::Viewer;
use crate::domain::allowance::Allowances;
use crate::domain::allowance::Exhausted;
use crate::domain::allowance::Rate;
use crate::domain::allowance::Standing;
use crate::domain::id::KeyId;

use super::error::ApiError;

/// The allowances of all callers. Clones share them.
#[derive(Clone)]
pub(super) struct Budget(Option<Arc<Shared>>);

struct Shared {
    since: Instant,
    allowances: Mutex<Allowances<Payer>>,
}

/// Whose allowance it is: a key's, or a person's in whatever organization and role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Payer {
    Key(KeyId),
    Person(Arc<str>),
}

impl Payer {
    fn of(viewer: &Viewer) -> Self {
        match &viewer.principal {
            Principal::ApiKey(id) => Self::Key(*id),
            Principal::User { id, .. } => Self::Person(Arc::clone(id)),
        }
    }
}

impl Budget {
    /// Allowances at this rate; without one nobody has a limit.
    pub(super) fn new(rate: Option<Rate>) -> Self {
        let shared = |rate| Shared { since: Instant::now(), allowances: Mutex::new(Allowances::new(rate)) };
        Self(rate.map(|rate| Arc::new(shared(rate))))
    }

    /// Whether `viewer` has anything left.
    pub(super) fn check(&self, viewer: &Viewer) -> Result<(), ApiError> {
        let Some(shared) = &self.0 else { return Ok(()) };
        let refused = |Exhausted { retry_after_ms }| ApiError::rate_limited(Duration::from_millis(retry_after_ms));
        shared.allowances().check(&Payer::of(viewer), shared.now_ms()).map_err(refused)
    }

    /// Takes so much from `viewer`'s allowance.
    pub(super) fn take(&self, viewer: &Viewer, cost: u64) {
        if let Some(shared) = &self.0 {
            shared.allowances().take(Payer::of(viewer), cost, shared.now_ms());
        }
    }

    /// How `viewer`'s allowance stands; none where nobody has a limit.
    pub(super) fn standing(&self, viewer: &Viewer) -> Option<Standing> {
        let shared = self.0.as_ref()?;
        Some(shared.allowances().standing(&Payer::of(viewer), shared.now_ms()))
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn allowances(&self) -> MutexGuard<'_, Allowances<Payer>> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
