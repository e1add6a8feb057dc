//! What tests are written with: the real program in a process of its own, on a fresh database, connected to a sandbox
//! whose phone the test plays.

mod agreement;
mod api;
mod database;
mod server;
mod subscription;

pub use api::error_code;
pub use api::error_field;
pub(crate) use database::TestDatabase;
pub use server::TestServer;
pub use server::eventually;
pub use server::account;
pub(crate) use server::program;
pub use subscription::ALL;
pub use subscription::Subscription;
