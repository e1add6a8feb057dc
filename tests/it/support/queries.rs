//! GraphQL documents that several tests send. If only the selection or the fields of an input vary, a function builds the
//! document.

/// The cursor from which changes can be followed.
pub(crate) const CHANGE_CURSOR: &str = "{ chats { changeCursor } }";
/// The ids of the first chats.
pub(crate) const CHAT_IDS: &str = "{ chats { nodes { id } } }";
/// The cursors of all changes.
pub(crate) const CHAT_CHANGES: &str = "subscription { chatChanges { cursor } }";
/// Creates a session without a label.
pub(crate) const CREATE_SESSION: &str = "mutation { createSession(input: {}) { session { id } } }";
/// Creates a session with a label.
pub(crate) const CREATE_LABELED_SESSION: &str =
    "mutation($label: String!) { createSession(input: {label: $label}) { session { id label } } }";
/// Deletes a chat.
pub(crate) const DELETE_CHAT: &str =
    "mutation($cid: JID!) { deleteChat(input: {cid: $cid}) { deletedChatId cid sessionId } }";
/// Deletes a session.
pub(crate) const DELETE_SESSION: &str =
    "mutation($id: ID!) { deleteSession(input: {sessionId: $id}) { deletedSessionId } }";
/// Logs a session out.
pub(crate) const LOG_OUT_SESSION: &str =
    "mutation($id: ID!) { logoutSession(input: {sessionId: $id}) { session { status } } }";
/// The messages of a chat, with their edits.
pub(crate) const MESSAGES: &str =
    "query($cid: JID!) { chat(cid: $cid) { messages { nodes { text edited revoked fromMe sender } } } }";
/// Rejects a ringing call.
pub(crate) const REJECT_CALL: &str =
    "mutation($input: RejectCallInput!) { rejectCall(input: $input) { sent autoReplied } }";
/// Revokes an API key.
pub(crate) const REVOKE_KEY: &str = "mutation($id: ID!) { revokeApiKey(input: {id: $id}) { revokedId } }";
/// The ids of all sessions.
pub(crate) const SESSION_IDS: &str = "{ sessions { nodes { id } } }";
/// The labels of all sessions.
pub(crate) const SESSION_LABELS: &str = "{ sessions { nodes { label } } }";
/// The status of a session.
pub(crate) const SESSION_STATUS: &str = "query($id: ID!) { session(id: $id) { status } }";
/// The status of a session, and its reason.
pub(crate) const SESSION_STATUS_REASON: &str = "query($id: ID!) { session(id: $id) { status statusReason } }";
/// Starts a session.
pub(crate) const START_SESSION: &str =
    "mutation($id: ID!) { startSession(input: {sessionId: $id}) { session { status } } }";
/// Stops a session.
pub(crate) const STOP_SESSION: &str =
    "mutation($id: ID!) { stopSession(input: {sessionId: $id}) { session { status } } }";
/// Changes the settings of a chat.
pub(crate) const UPDATE_CHAT: &str = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { id } } }";
/// Everything about the viewer.
pub(crate) const VIEWER: &str = "{ viewer { kind organizationId userId role capabilities } }";
/// The permissions of the viewer.
pub(crate) const VIEWER_CAPABILITIES: &str = "{ viewer { organizationId capabilities } }";
/// The kind of the viewer, the cheapest query.
pub(crate) const VIEWER_KIND: &str = "{ viewer { kind } }";

/// Reads these fields of the session `$id`.
pub(crate) fn session_query(fields: &str) -> String {
    format!("query($id: ID!) {{ session(id: $id) {{ {fields} }} }}")
}

/// Executes a mutation whose only input is the session `$id`, and reads this payload.
pub(crate) fn session_mutation(mutation: &str, payload: &str) -> String {
    format!("mutation($id: ID!) {{ {mutation}(input: {{sessionId: $id}}) {{ {payload} }} }}")
}

/// Updates these fields of a chat, which can be invalid, and reads a selection of the chat.
pub(crate) fn update_chat_mutation(cid: &str, fields: &str, selection: &str) -> String {
    format!("mutation {{ updateChat(input: {{cid: \"{cid}\", {fields}}}) {{ chat {{ {selection} }} }} }}")
}
