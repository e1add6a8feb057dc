//! Tasks that run beside requests: they end mutes, purge deleted rows and remove what retention no longer keeps.

pub mod mute_expiry;
pub mod purge;
pub mod retention;
