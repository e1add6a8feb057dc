//! Support for tests: the real program in its own process, on a new database, connected to a sandbox whose phone the
//! test controls.

mod accounts;
mod api;
mod builder;
mod cut_proxy;
mod database;
mod empty_server;
mod faults;
mod in_sync;
mod log;
mod people;
mod process;
mod queries;
mod schema;
mod server;
mod sql;
mod subscription;
mod wait;

pub(crate) use accounts::{FOREVER, account, small_account};
pub(crate) use api::{error_code, error_field};
pub(crate) use builder::ServerBuilder;
pub(crate) use cut_proxy::{CutPoint, Proxy};
pub(crate) use database::{TestDatabase, server as postgres};
pub(crate) use empty_server::{EmptyServer, header};
pub(crate) use faults::{Call, Faults};
pub(crate) use log::{Log, monitoring_url};
pub(crate) use people::{BOOKS, MEI, OLU, OWNER, RAVI, ZOE, ZOE_LID};
pub(crate) use process::{Process, create_key, program};
pub(crate) use queries::{
    CHANGE_CURSOR, CHAT_CHANGES, CHAT_IDS, CREATE_LABELED_SESSION, CREATE_SESSION, DELETE_CHAT, DELETE_SESSION,
    LOG_OUT_SESSION, MESSAGES, REJECT_CALL, REVOKE_KEY, SESSION_IDS, SESSION_LABELS, SESSION_STATUS,
    SESSION_STATUS_REASON, START_SESSION, STOP_SESSION, UPDATE_CHAT, VIEWER, VIEWER_CAPABILITIES, VIEWER_KIND,
    session_mutation, update_chat_mutation,
};
pub(crate) use schema::Schema;
pub(crate) use server::TestServer;
pub(crate) use subscription::{ALL, Subscription, upgrade, upgrade_to};
pub(crate) use wait::{wait_for, wait_for_within};
