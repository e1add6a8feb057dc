// Runs the list of chats of one documented client: pages, changes on the phone, an optimistic archive, a lost connection
// and an expired cursor. The rows must always be those that the server returns.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "graphql-ws";
import WebSocket from "ws";
import { PHONE } from "../server.mjs";
import { record } from "./recorder.mjs";

const PAGE = 15;
const PATIENCE_MS = 30_000;
const ALL = `{ chats(first: 200, order: INBOX, filter: { archived: false }) { nodes {
  id jid revision name archived pinned unreadCount lastMessageAt lastMessage { id text }
  sync { state refused { field code reason } } } } }`;

export async function inbox(server, folder) {
  const recorded = record();
  const { openInbox } = await import(`${folder}/main.js`);
  let token = server.key;
  let rows = [];
  let expired = 0;
  const options = {
    url: server.url,
    token: () => token,
    first: PAGE,
    show: (shown) => (rows = plain(shown)),
    expired: () => (expired += 1),
  };
  let open = await openInbox(options);
  const listed = async () => (await server.ask(ALL)).chats.nodes;

  // Waits until the list shows `count` rows or more, as the server returns them.
  async function agree(what, count) {
    let wanted;
    await until(what, async () => {
      wanted = (await listed()).map(({ jid: _, ...chat }) => chat);
      return rows.length >= Math.min(count, wanted.length) && same(rows, wanted.slice(0, rows.length));
    }).catch((late) => {
      late.message += `\n${names(rows)}\ninstead of\n${names(wanted)}`;
      throw late;
    });
  }
  const position = (id) => rows.findIndex((row) => row.id === id);
  const until = async (what, done) => {
    for (const end = Date.now() + PATIENCE_MS; !(await done()); await sleep(20)) {
      if (Date.now() > end) throw new Error(`not in ${PATIENCE_MS / 1_000} s: ${what}`);
    }
  };
  const write = (chat, text) =>
    server.play(`/accounts/${PHONE}/messages`, { from: chat.jid.split("@")[0], chat: chat.jid, text });
  const setting = (chat, body) => server.play(`/accounts/${PHONE}/chats/${chat.jid}`, body);

  await agree("the first page", PAGE);
  const all = await listed();
  assert(rows.length < all.length, "there is no second page");
  const people = all.filter(({ jid }) => jid.endsWith("@s.whatsapp.net"));
  const behind = people.at(-1);
  const before = recorded.changes.length;
  await setting(behind, { mutedUntil: 4_000_000_000_000 + Date.now() });
  await until("the mute", () => recorded.changes.length > before);
  await agree("a change behind the page", PAGE);
  assert.equal(position(behind.id), -1, "a chat of a later page is shown");
  await write(behind, "first");
  await until("a message", () => position(behind.id) >= 0);
  await agree("a message to a chat behind the page", PAGE);

  const oldest = people.at(-2);
  for (const [chat, pinned] of [[all[0], false], [oldest, true], [oldest, false], [all[0], true]]) {
    await setting(chat, { pinned });
    if (pinned) await until("a pinned chat", () => position(chat.id) === 0);
    await agree(`pinned: ${pinned}`, PAGE - 1);
  }
  assert.equal(position(oldest.id), -1, "a chat that is no longer pinned is shown");
  while (rows.length < (await listed()).length) {
    const shown = rows.length;
    await open.more();
    await until("another page", () => rows.length > shown);
  }
  await agree("all pages", all.length);

  const pinned = all[0];
  assert(pinned.pinned, "no chat is pinned");
  let release;
  recorded.held = new Promise((resolve) => (release = resolve));
  const archived = open.archive(pinned.id);
  await until("an optimistic archive", () => position(pinned.id) < 0);
  // The phone unarchives the chat, and the response arrives after the event about that.
  const onPhone = async () => (await server.look(`/accounts/${PHONE}/chats`)).find(({ jid }) => jid === pinned.jid);
  await until("an archive on the phone", async () => (await onPhone()).archived);
  await until("the event about it", () => recorded.chats.get(pinned.id)?.archived);
  await setting(pinned, { archived: false });
  await until("an unarchive", () => !recorded.chats.get(pinned.id).archived);
  release();
  assert.equal(await archived, undefined);
  await agree("a response that was overtaken", PAGE);
  assert(position(pinned.id) >= 0, "the older state of the chat is shown");
  assert.equal(await open.archive(pinned.id), undefined);
  await agree("an archived chat", PAGE);
  assert(position(pinned.id) < 0, "the archived chat is shown");
  await until("an archive on the phone", async () => (await onPhone()).archived);

  const chat = people.find(({ pinned }) => !pinned);
  const reader = 'mutation { createApiKey(input: {name: "reader", permissions: [READ]}) { secret } }';
  const { createApiKey } = await server.ask(reader);
  token = createApiKey.secret;
  assert.equal(await open.archive(chat.id), "forbidden");
  token = server.key;
  await agree("a rejected archive", PAGE);
  assert(position(chat.id) >= 0, "the rejected archive is shown");

  const { reads } = recorded;
  await server.end("SIGKILL");
  const others = people.filter(({ pinned, id }) => !pinned && id !== oldest.id);
  for (const [number, other] of others.slice(0, 5).entries()) await write(other, `away ${number}`);
  await setting(others[6], { archived: true });
  await setting(pinned, { archived: false });
  await server.start();
  await until("an unarchived chat", () => position(pinned.id) >= 0 && position(others[6].id) < 0);
  await agree("the changes of the outage", all.length - 1);
  assert.equal(recorded.reads, reads, "the list was read again");
  assert(recorded.resumed.length > 0, "no connection was lost");
  for (const { after, last } of recorded.resumed) assert.equal(after, last, "not resumed from the last cursor");
  assert.deepEqual(recorded.changes, await changes(server, recorded), "the changes in one piece");
  const missed = recorded.changes.length;

  recorded.forged = await foreignCursor(server);
  recorded.cut();
  await until("an expired cursor", () => expired === 1);
  open.close();
  open = await openInbox(options);
  await agree("the list read again", PAGE);
  await write(people[0], "last");
  await agree("a change after that", PAGE);
  open.close();
  await setting(others[6], { archived: false });
  return `${all.length} chats, ${missed} changes over ${recorded.resumed.length + 1} connections`;
}

// Returns the cursors of the changes that the client received, from one uninterrupted subscription.
async function changes(server, { first, last }) {
  const connectionParams = { Authorization: `Bearer ${server.key}` };
  const client = createClient({ url: server.url.replace("http", "ws"), webSocketImpl: WebSocket, connectionParams });
  const query = "subscription($after: String) { chatChanges(after: $after) { cursor change { cid } } }";
  const cursors = [];
  for await (const { data } of client.iterate({ query, variables: { after: first } })) {
    const { cursor, change } = data.chatChanges;
    if (change) cursors.push(cursor);
    if (cursor === last) break;
  }
  await client.dispose();
  return cursors;
}

// Returns a cursor of another organization, which the server answers like an expired one.
async function foreignCursor(server) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${server.createKey("other")}` };
  const response = await fetch(server.url, { method: "POST", headers, body: '{"query": "{ changeCursor }"}' });
  return (await response.json()).data.changeCursor;
}

// Returns the rows without what a cache adds.
const plain = (rows) => JSON.parse(JSON.stringify(rows, (key, value) => (key.startsWith("__") ? undefined : value)));
const names = (rows) =>
  rows.map(({ name, revision, pinned }) => `${name} (${revision}${pinned ? ", pinned" : ""})`).join(", ");
const same = (one, other) => {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
};
