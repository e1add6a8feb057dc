// Comparison of the phone's chats with a client's.
import assert from "node:assert/strict";

export const BEN = "447700900111@s.whatsapp.net";
export const PRIYA = "447700900112@s.whatsapp.net";
export const TEAM = "120363040000000202@g.us";

// Returns a chat as the phone shows it; undefined if the phone does not show it.
export async function shown({ sandbox, account }, jid) {
  const chats = await sandbox.get(`${account}/chats`);
  return chats.find((chat) => chat.jid === jid);
}

export async function said({ sandbox, account }, jid) {
  return sandbox.get(`${account}/chats/${jid}/messages`);
}

// Sends a message from a contact, or from the owner on the phone; returns its id.
export async function write({ sandbox, account }, from, chat, text) {
  const { id } = await sandbox.play(`${account}/messages`, { from: from.split("@")[0], chat, text });
  return id;
}

// Compares all fields of a chat that a client can know.
export function same(phone, client, jid) {
  const seen = client.view();
  const found = [phone.jid, ...phone.aliases].map((address) => seen.get(address)).find((chat) => chat !== undefined);
  assert.ok(found, `the client does not show ${jid}`);
  const { archived, pinned, mutedUntil, unreadCount, markedUnread } = phone;
  const seconds = (chat) => ({ ...chat, mutedUntil: chat.mutedUntil && Math.floor(chat.mutedUntil / 1_000) });
  assert.deepEqual(seconds(found), seconds({ archived, pinned, mutedUntil, unreadCount, markedUnread }), jid);
  return true;
}

// Waits until both sides agree on a chat, and the phone shows the expected values.
export async function agree(walk, client, jid, expected) {
  await client.until(`agreement about ${jid}`, async () => {
    const chat = await shown(walk, jid);
    for (const [name, value] of Object.entries(expected)) assert.equal(chat[name], value, name);
    return same(chat, client, jid);
  });
}

// Returns a direct chat with messages and without settings that no other row has used.
const taken = new Set([BEN, PRIYA]);
export async function plain(walk, client) {
  const chats = await walk.sandbox.get(`${walk.account}/chats`);
  const usable = (chat) =>
    chat.type === "DM" &&
    !chat.archived && !chat.pinned && chat.mutedUntil === null && chat.unreadCount === 0 && !chat.markedUnread &&
    !taken.has(chat.jid) && client.chats.last(chat.jid) !== undefined;
  const { jid } = chats.find(usable);
  taken.add(jid);
  return jid;
}
