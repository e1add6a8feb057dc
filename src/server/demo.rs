//! `demo`: a server and a sandbox in one process. The sandbox replaces WhatsApp, its account is paired like a real one,
//! and a script simulates activity on its phone. In the folder of an earlier demo, both sides continue with their
//! state.

mod folder;

use std::time::Duration;

use chatgraph_sandbox::{Phone, Sandbox};
use serde_json::json;
use tokio::time::timeout;
use tracing::info;

use super::{
    build::{Application, build},
    configs::Configs,
    error::Error,
    lifecycle::{self, Lifecycle},
    open_files,
    serve::{listen, serve_until_signal},
};
use crate::{
    auth::{
        self, api_key_secret,
        viewer::{Principal, Viewer},
    },
    cli::DemoArgs,
    clock::SystemClock,
    domain::{
        api_key::KeyCreator,
        capability::{Capabilities, Capability},
        chat_list::ChatList,
        id::{OrganizationId, SessionId},
        page::{Direction, MAX_PAGE_LEN, PageRequest},
        session::{Session, SessionStatus},
    },
    graphql,
    http::{self, ConnectionConfig, Invitations},
    service::{self, RetentionConfig, api_key::NewApiKey},
    session::{self, SandboxArgs},
    store::{self, DatabaseLock},
};
use folder::Folder;

/// Timeout for pairing and the import.
const READY_TIMEOUT: Duration = Duration::from_mins(1);
/// Interval between checks of the import's progress.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Runs the demo until it receives a signal to stop.
pub(super) async fn demo(args: DemoArgs) -> Result<(), Error> {
    let mut http = http::Config { graphiql: Some(Invitations::Trusted), ..http::Config::default() };
    args.pages.apply(true, &mut http)?;
    let folder = Folder::open(args.data.as_deref())?;
    let lifecycle = Lifecycle::default();
    let open_files = open_files::raise_limit();
    let (listener, address) = listen(args.listen, "listen").await?;
    info!("Starting the WhatsApp sandbox");
    let sandbox = chatgraph_sandbox::Config { data: folder.sandbox(), ..chatgraph_sandbox::Config::default() };
    let sandbox = Sandbox::start(sandbox).await.map_err(Error::demo)?;
    let now = crate::domain::clock::Clock::now(&SystemClock);
    let phone = match sandbox.account(chatgraph_sandbox::demo::PHONE) {
        Some(phone) => phone,
        None => sandbox.create_account(chatgraph_sandbox::demo::account(None, now)).map_err(Error::demo)?,
    };
    let database = store::Config::Sqlite(folder.database());
    let _hold = DatabaseLock::take(&database)?;
    let endpoint = SandboxArgs { sandbox_url: Some(sandbox.url()), sandbox_key: Some(sandbox.key()) }.endpoint()?;
    let configs = Configs {
        database: database.clone(),
        // A demo has no real account, so encryption is not needed.
        master_keys: None,
        session: session::Config::new(endpoint),
        retention: RetentionConfig::default(),
        api: graphql::Config::default(),
        limits: service::Limits::default(),
        http,
        auth: auth::Config { max_failed_tokens_per_minute: 0 },
        logins: None,
    };
    let parts = build(configs, &lifecycle).await?;
    let (secret, viewer) = key(&parts, &folder).await?;
    let session = timeout(READY_TIMEOUT, connect(&parts, &viewer, &phone)).await.map_err(|_| late())??;
    if !args.quiet {
        let stop = lifecycle.stop.clone();
        lifecycle.tasks.spawn(chatgraph_sandbox::demo::activity(phone.clone(), stop));
    }
    let ready = Ready { address, secret, session: session.id.to_string(), sandbox: sandbox.url(), phone };
    let asked = lifecycle::shutdown_signal().map_err(Error::Serve)?;
    if args.json {
        ready.print_json();
    } else {
        ready.print_text();
    }
    let mut connections = ConnectionConfig::default();
    open_files::limit_connections(&mut connections, open_files, open_files::of_database(&database));
    let served = serve_until_signal(listener, parts.listening(connections, None), &lifecycle, asked).await;
    let store = parts.store.clone();
    // Drops the components, so that they submit no more units of work and the commit queues end.
    drop(parts);
    lifecycle.shut_down().await;
    lifecycle::close(&store, &database).await;
    info!("Stopped");
    sandbox.stop().await;
    served
}

/// Connects the session of the demo's phone, and all sessions that were connected before. Creates the session in a new
/// demo.
async fn connect(parts: &Application, viewer: &Viewer, phone: &Phone) -> Result<Session, Error> {
    parts.start_sessions().await?;
    let page = PageRequest { limit: MAX_PAGE_LEN, direction: Direction::Forward, cursor: None };
    let sessions = parts.sessions.list(viewer, page).await.map_err(Error::demo)?.items;
    let own = |session: &Session| session.jid.as_ref().is_none_or(|jid| jid.to_string() == phone.jid());
    let session = match sessions.into_iter().rfind(own) {
        Some(session) => session,
        None => parts.sessions.create(viewer, Some("Demo".into()), None).await.map_err(Error::demo)?,
    };
    parts.sessions.start(viewer, session.id).await.map_err(Error::demo)?;
    let mut scanned = None;
    loop {
        let session = parts.sessions.session(viewer, session.id).await.map_err(Error::demo)?;
        let shown = parts.sessions.pairing(viewer, &session).map_err(Error::demo)?.and_then(|pairing| pairing.qr);
        if shown.is_some() && shown != scanned {
            info!("Scanning the session's QR code with the sandbox's phone");
            // Removes companions of earlier sessions.
            phone.unlink().await;
            phone.scan(shown.as_ref().map_or("", |code| code.text.as_str())).await.map_err(Error::demo)?;
            scanned = shown;
        }
        match session.status {
            // The demo stopped during pairing, and the phone has not noticed.
            SessionStatus::LoggedOut | SessionStatus::Failed => {
                parts.sessions.start(viewer, session.id).await.map_err(Error::demo)?;
            }
            // The status may be left over from an earlier process.
            SessionStatus::Working if timeout(POLL_INTERVAL, phone.connected()).await.is_ok() => {
                if scanned.is_some() {
                    import(parts, viewer, session.id, phone).await?;
                }
                return Ok(session);
            }
            _ => {}
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Waits until the chats of a newly paired phone are imported.
async fn import(parts: &Application, viewer: &Viewer, session: SessionId, phone: &Phone) -> Result<(), Error> {
    let expected = phone.chats().iter().filter(|chat| chat.last_message_at.is_some()).count();
    let list = [ChatList { session: Some(session), ..ChatList::default() }];
    let expected = i64::try_from(expected).map_err(Error::demo)?;
    let mut logged = 0;
    while logged < expected {
        let organization = viewer.require(Capability::Read).map_err(Error::demo)?;
        let counted = parts.store.count_chats(organization, &list, 0).await?;
        let stored = counted.map_or(logged, |counted| counted[0]);
        if stored > logged {
            info!(chats = stored, of = expected, "Importing the account's history");
            logged = stored;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Returns the key of the earlier demo in this folder if it is still valid, otherwise a new one.
async fn key(parts: &Application, folder: &Folder) -> Result<(String, Viewer), Error> {
    if let Some(secret) = folder.secret()
        && let Some(viewer) = parts.tokens.verify(&secret).await?
    {
        return Ok((secret, viewer));
    }
    let (secret, viewer) = create_key(parts).await?;
    folder.keep_secret(&secret)?;
    Ok((secret, viewer))
}

/// Creates the demo's organization and a key with every permission.
async fn create_key(parts: &Application) -> Result<(String, Viewer), Error> {
    let organization: OrganizationId = "demo".parse().map_err(Error::demo)?;
    let (secret, permissions) = (api_key_secret::generate(), Capabilities::all());
    let new = NewApiKey { name: "demo".into(), permissions, expires_at: None };
    let key = parts.keys.issue(&organization, new, KeyCreator::Operator, &secret).await?;
    let principal = Principal::ApiKey(key.id);
    let viewer = Viewer { organization: Some(organization), principal, capabilities: permissions, expires_at: None };
    Ok((secret, viewer))
}

/// Connection details of a running demo.
struct Ready {
    address: std::net::SocketAddr,
    secret: String,
    session: String,
    sandbox: String,
    phone: Phone,
}

impl Ready {
    /// Returns GraphiQL's URL. The key is in the fragment, which browsers do not send to a server.
    fn graphiql(&self) -> String {
        let Self { address, secret, .. } = self;
        format!("http://{address}/#key={secret}&chat={}", self.chat())
    }

    /// Returns a chat for the examples.
    fn chat(&self) -> String {
        let chat = self.phone.chats().into_iter().find(|chat| !chat.archived && !chat.pinned);
        chat.map(|chat| chat.jid).unwrap_or_default()
    }

    fn print_json(&self) {
        let Self { address, secret, session, sandbox, phone } = self;
        let line = json!({
            "graphiql": self.graphiql(),
            "graphql": format!("http://{address}/graphql"),
            "websocket": format!("ws://{address}/graphql"),
            "key": secret,
            "session": session,
            "sandbox": sandbox,
            "phone": phone.number(),
        });
        println!("{line}");
    }

    fn print_text(&self) {
        let Self { address, secret, sandbox, phone, .. } = self;
        let (number, chat, graphiql) = (phone.number(), self.chat(), self.graphiql());
        println!(
            r#"
The chatgraph demo is running with a simulated WhatsApp account. Press Ctrl-C to stop it.

  GraphiQL   {graphiql}
             (explore the API; the link contains the API key)
  GraphQL    http://{address}/graphql
  WebSocket  ws://{address}/graphql (graphql-transport-ws)
  Key        {secret}
  Sandbox    {sandbox} (controls the simulated phone)
  Phone      {number}

Try it in another terminal. First define:

  ask() {{ curl -s http://{address}/graphql -H 'Authorization: Bearer {secret}' -H 'Content-Type: application/json' -d "$1"; echo; }}

1. List the chats:

  ask '{{"query":"{{ chats(first: 5) {{ nodes {{ name jid archived unreadCount }} }} }}"}}'

2. Archive a chat through the API, then read it on the phone:

  ask '{{"query":"mutation {{ updateChat(input: {{cid: \"{chat}\", archived: true}}) {{ chat {{ name archived sync {{ state }} }} }} }}"}}'
  curl -s {sandbox}/accounts/{number}/chats | grep -o '"jid":"{chat}"[^}}]*'

3. Unarchive it on the phone, then read it through the API:

  curl -s {sandbox}/accounts/{number}/chats/{chat} -d '{{"archived": false}}'
  ask '{{"query":"{{ chat(cid: \"{chat}\") {{ name archived sync {{ state }} }} }}"}}'
"#
        );
    }
}

fn late() -> Error {
    Error::Demo(format!("the sandbox's chats were not imported within {} s", READY_TIMEOUT.as_secs()))
}
