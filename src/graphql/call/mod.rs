//! Calls in the contract.

pub(super) mod input;
pub(super) mod mutation;
pub(super) mod object;
pub(super) mod subscription;
