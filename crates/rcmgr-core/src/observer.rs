//! What a manager tells an interested program while it runs.

use crate::{Limit, Priority, RateLimited, Refusal, Resource, ScopeId};

/// Sees charges and refusals as they happen, on the thread that makes them and before the call
/// returns. It slows every operation by what it does itself; a manager without one pays a branch.
///
/// An observer may call the manager. What it does is seen by the observer again.
pub trait Observer: Send + Sync {
    /// A counter of `scope` was raised: it now holds `used` of `resource` under `limit`, the
    /// limit in the snapshot that the operation goes by. Called for each resource that the
    /// change counts in, totals included, and also for charges that are undone since a later
    /// scope refuses.
    fn charged(&self, scope: &ScopeId, resource: Resource, used: u64, limit: Limit) {
        let _ = (scope, resource, used, limit);
    }

    /// An operation was refused. A connection that the allowlist lets in after the standard scopes
    /// refused it was not.
    fn refused(&self, refusal: &Refusal) {
        let _ = refusal;
    }

    /// A connection came too early. Of source addresses that have to be verified nothing is told.
    fn rate_limited(&self, refusal: &RateLimited) {
        let _ = refusal;
    }

    /// A reservation asked for memory at a lower priority than is
    /// [required](crate::ResourceManager::require_priority) for now.
    fn memory_pressure(&self, asked: Priority, required: Priority) {
        let _ = (asked, required);
    }
}
