// One account with chatgraph and Baileys linked to it. The phone, contacts, API clients and Baileys take random
// actions; after each round, all three show the same chats, settings and messages.
//   node witness.mjs CHATGRAPH SANDBOX
// CHATGRAPH_TEST_SEED repeats a run, CHATGRAPH_TEST_STEPS sets its length (default: 60 actions). README.md lists the
// fields that are not compared because of faults in Baileys.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PHONE, start } from "../server.mjs";
import { Client, text } from "./client.mjs";
import { isolate } from "./isolation.mjs";

const STEPS = Number(process.env.CHATGRAPH_TEST_STEPS ?? 60);
const SEED = Number(process.env.CHATGRAPH_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
const ROUND = 10;
// Number of messages of each chat that are compared.
const LAST = 50;
const AGREEMENT_MS = 20_000;
const FOREVER = 253_402_300_799_999;
const BEN = "447700900111@s.whatsapp.net";
const PRIYA = "447700900112@s.whatsapp.net";
const TEAM = "120363040000000202@g.us";
const CHATS = [BEN, PRIYA, TEAM];

// Silenced, because libsignal prints keys with it.
console.info = () => {};
console.log(`CHATGRAPH_TEST_SEED=${SEED}, ${STEPS} steps`);
const random = generator(SEED);
const below = (end) => Math.floor(random() * end);
const some = (all) => all[below(all.length)];

const folder = mkdtempSync(join(tmpdir(), "chatgraph-witness-"));
const server = await start(process.argv[2], process.argv[3]);
const account = `/accounts/${PHONE}`;
const sandbox = { url: server.phoneSide, root: server.root, phone: PHONE, play: server.play, get: server.look };
isolate(sandbox);
const client = new Client({ sandbox, phone: PHONE, folder: join(folder, "baileys") });
let written = 0;
let outcome = 1;
try {
  await client.open({ pair: "qr" });
  for (const chat of CHATS) await client.until(`a message of ${chat}`, () => client.chats.last(chat));
  // The demo already has three pins; without them, a new pin does not exceed the limit.
  for (const { jid } of (await phoneChats()).filter(({ pinned }) => pinned)) await onThePhone(jid, { pinned: false });
  await agreement();
  for (let step = 0; step < STEPS; step += 1) {
    console.log(`${step}: ${await act()}`);
    if (step % ROUND === ROUND - 1) await agreement();
  }
  await agreement();
  outcome = 0;
  console.log(`CHATGRAPH_TEST_SEED=${SEED}: the phone, Baileys and the stored copy agree after ${STEPS} steps`);
} catch (error) {
  console.error(`CHATGRAPH_TEST_SEED=${SEED}:`, error);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
// Baileys leaves timers running.
process.exit(outcome);

async function act() {
  const chat = some(CHATS);
  switch (below(8)) {
    case 0:
    case 1: {
      const setting = await someSetting(chat);
      await onThePhone(chat, setting);
      return `the phone sets ${JSON.stringify(setting)} of ${chat}`;
    }
    case 2:
    case 3: {
      const setting = await someSetting(chat);
      const update = "mutation($input: UpdateChatInput!) { updateChat(input: $input) { chat { id } } }";
      const { mutedUntil, ...others } = setting;
      const input = mutedUntil === null ? { ...others, unmute: true } : setting;
      await server.ask(update, { input: { cid: chat, ...input } });
      return `an API client sets ${JSON.stringify(setting)} of ${chat}`;
    }
    case 4: {
      // Baileys ignores the result of its change, and loses it in a conflict, so no other change is pending.
      await quiet();
      const setting = await someSetting(chat);
      await client.modify(chat, inBaileysWords(setting));
      return `Baileys sets ${JSON.stringify(setting)} of ${chat}`;
    }
    case 5: {
      const words = `line ${(written += 1)} of Baileys`;
      await client.send(chat, { text: words });
      return `Baileys writes "${words}" in ${chat}`;
    }
    case 6: {
      const words = `line ${(written += 1)} of the phone`;
      await server.play(`${account}/messages`, { from: PHONE, chat, text: words });
      return `the owner writes "${words}" in ${chat}`;
    }
    default: {
      const words = `line ${(written += 1)}`;
      const from = (chat === TEAM ? some([BEN, PRIYA]) : chat).split("@")[0];
      const { id } = await server.play(`${account}/messages`, { from, chat, text: words });
      const more = below(4);
      if (more === 0) await server.play(`${account}/messages/${id}`, { text: `${words}, changed` });
      if (more === 1) await server.play(`${account}/messages/${id}`, { revoked: true });
      return `${from} writes "${words}" in ${chat}${["; changes it", "; revokes it"][more] ?? ""}`;
    }
  }
}

// Returns a setting that a client may change in the chat as the phone shows it. No archived chat is pinned, because
// Baileys would leave it archived.
async function someSetting(chat) {
  if (below(2) === 0) {
    await quiet();
    const { archived, pinned } = await shown(chat);
    return some(pinned ? [{ pinned: false }] : archived ? [{ archived: false }] : [{ archived: true }, { pinned: true }]);
  }
  const { unreadCount, markedUnread } = await shown(chat);
  const tomorrow = (Math.floor(Date.now() / 1_000) + 86_400 + below(1_000)) * 1_000;
  return some([{ mutedUntil: some([null, FOREVER, tomorrow]) }, { read: unreadCount > 0 || markedUnread }]);
}

function inBaileysWords({ archived, pinned, mutedUntil, read }) {
  if (archived !== undefined) return { archive: archived };
  if (pinned !== undefined) return { pin: pinned };
  if (read !== undefined) return { markRead: read };
  return { mute: mutedUntil === FOREVER ? -1 : mutedUntil };
}

function onThePhone(chat, setting) {
  return server.play(`${account}/chats/${chat}`, setting);
}

function phoneChats() {
  return server.look(`${account}/chats`);
}

async function shown(jid) {
  return (await phoneChats()).find((chat) => chat.jid === jid);
}

// Waits until no change of the API is pending.
async function quiet() {
  await client.until("the API's changes to arrive", async () => (await stored()).every((chat) => chat.sync.pending.length === 0));
}

async function stored() {
  // Limits the rate of queries, each of which uses up some of the key's rate limit.
  await sleep(200);
  const query = `query($cid: JID!) { chat(cid: $cid) { jid archived pinned mutedUntil unreadCount markedUnread
    sync { pending } messages(first: ${LAST}) { nodes { text fromMe revoked edited } } } }`;
  return Promise.all(CHATS.map(async (cid) => (await server.ask(query, { cid })).chat));
}

// Waits until all three agree.
async function agreement() {
  const compare = async () => {
    const [phone, copy, seen] = [await phoneChats(), await stored(), client.view()];
    for (const jid of CHATS) {
      const onPhone = phone.find((chat) => chat.jid === jid);
      const inCopy = copy.find((chat) => chat.jid === jid);
      const said = (await server.look(`${account}/chats/${jid}/messages`)).slice(-LAST);
      assert.deepEqual(inCopy.sync.pending, [], `${jid}: pending`);
      assert.deepEqual(settings(inCopy), settings(onPhone), `${jid}: settings of the stored copy and the phone`);
      assert.deepEqual(lines(inCopy.messages.nodes.toReversed()), lines(said.map(ofPhone)), `${jid}: messages`);
      assert.deepEqual(known(seen.get(jid)), known(onPhone), `${jid}: settings of Baileys and the phone`);
      const heard = said.filter(({ text: words }) => words?.startsWith("line "));
      for (const message of heard) {
        const seenBy = client.message(message.id);
        assert.ok(seenBy, `${jid}: Baileys has no message ${message.text}`);
        assert.equal(Boolean(seenBy.key.fromMe), message.from === null, `${jid}: the sender of ${message.text}`);
        if (!message.edited) assert.equal(text(seenBy), message.text, `${jid}: the text`);
      }
    }
    return true;
  };
  await client.until("agreement", compare, AGREEMENT_MS);
}

function settings({ archived, pinned, mutedUntil, unreadCount, markedUnread }) {
  return { archived, pinned, mutedUntil: mutedUntil && Math.floor(mutedUntil / 1_000), unreadCount, markedUnread };
}

// Returns the settings that Baileys' application can know; README.md explains the missing counts.
function known(chat) {
  const { archived, pinned, mutedUntil } = settings(chat);
  return { archived, pinned, mutedUntil };
}

function ofPhone({ from, text: words, edited, revoked }) {
  return { text: revoked ? null : words, fromMe: from === null, revoked: Boolean(revoked), edited: Boolean(edited) };
}

function lines(messages) {
  return messages.map(({ text: words, fromMe, revoked, edited }) => [words, fromMe, revoked, edited && !revoked]);
}

// Mulberry32, a pseudo-random number generator.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
