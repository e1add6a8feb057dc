//! Support for tests: the real program in its own process, on a new database, connected to a sandbox whose phone the
//! test controls.

mod api;
mod cut_proxy;
mod database;
mod empty_server;
mod faults;
mod in_sync;
mod log;
mod people;
mod schema;
mod server;
mod subscription;

pub(crate) use api::error_code;
pub(crate) use api::error_field;
pub(crate) use cut_proxy::CutPoint;
pub(crate) use cut_proxy::Proxy;
pub(crate) use database::TestDatabase;
pub(crate) use database::server as postgres;
pub(crate) use empty_server::EmptyServer;
pub(crate) use empty_server::header;
pub(crate) use faults::Call;
pub(crate) use faults::Faults;
pub(crate) use log::Log;
pub(crate) use log::watched_at;
pub(crate) use people::BOOKS;
pub(crate) use people::MEI;
pub(crate) use people::OLU;
pub(crate) use people::OWNER;
pub(crate) use people::RAVI;
pub(crate) use people::ZOE;
pub(crate) use people::ZOE_LID;
pub(crate) use schema::Schema;
pub(crate) use server::FOREVER;
pub(crate) use server::TestServer;
pub(crate) use server::account;
pub(crate) use server::create_key;
pub(crate) use server::program;
pub(crate) use server::serve_logged;
pub(crate) use server::small_account;
pub(crate) use server::wait_for;
pub(crate) use server::wait_for_within;
pub(crate) use subscription::ALL;
pub(crate) use subscription::Subscription;
pub(crate) use subscription::upgrade;
pub(crate) use subscription::upgrade_to;
