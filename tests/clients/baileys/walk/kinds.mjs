// Broadcast lists, channels, messages that are no text, deletions for the owner alone, and what the client asks the phone for.
import assert from "node:assert/strict";
import * as baileys from "baileys";
import { text } from "../client.mjs";
import { BEN, said, write } from "./compare.mjs";

const [LIST, BENS_LIST] = ["1700000001@broadcast", "1700000002@broadcast"];
const CHANNEL = "120363000000000777@newsletter";
const number = (jid) => jid.split("@")[0];

export async function kinds(walk) {
  const { sandbox, account, row, one } = walk;
  const owner = `${sandbox.phone}@s.whatsapp.net`;
  const send = async (message) => (await sandbox.play(`${account}/messages`, message)).id;
  const arrived = (id) => one.until(`message ${id}`, () => one.message(id)?.message && one.message(id));

  await row("broadcast list of the owner", async () => {
    const { key, message } = await arrived(await send({ from: sandbox.phone, chat: LIST, text: "closed", to: [number(BEN)] }));
    assert.deepEqual([key.remoteJid, key.participant, key.fromMe, text({ message })], [LIST, owner, true, "closed"]);
    assert.equal((await said(walk, LIST)).length, 1);
  });
  await row("broadcast list of somebody", async () => {
    const id = await send({ from: number(BEN), chat: BENS_LIST, text: "moved" });
    const { key, message } = await arrived(id);
    assert.deepEqual([key.remoteJid, key.participant, key.fromMe, text({ message })], [BENS_LIST, BEN, false, "moved"]);
    // The phone shows it in the direct chat; Baileys leaves that to its application.
    assert.equal((await said(walk, BEN)).at(-1).id, id);
  });
  await row("channel", async () => {
    const { key, message } = await arrived(await send({ from: CHANNEL, chat: CHANNEL, text: "rain until noon" }));
    assert.deepEqual([key.remoteJid, key.fromMe, text({ message })], [CHANNEL, false, "rain until noon"]);
  });

  await row("images, documents, places, contacts, polls", async () => {
    for (const [kind, field, words] of [
      ["IMAGE", "imageMessage", ({ caption }) => caption],
      ["VIDEO", "videoMessage", ({ caption }) => caption],
      ["DOCUMENT", "documentMessage", ({ caption }) => caption],
      ["LOCATION", "locationMessage", ({ name }) => name],
      ["CONTACT", "contactMessage", ({ displayName }) => displayName],
      ["POLL", "pollCreationMessageV3", ({ name }) => name],
    ]) {
      const { message } = await arrived(await send({ from: number(BEN), chat: BEN, kind, text: "look" }));
      assert.equal(words(message[field]), "look", kind);
    }
    for (const [kind, field] of [["AUDIO", "audioMessage"], ["STICKER", "stickerMessage"], ["CALL", "callLogMesssage"]]) {
      const { message } = await arrived(await send({ from: number(BEN), chat: BEN, kind }));
      assert.ok(message[field], kind);
    }
  });
  await row("message to be viewed once", async () => {
    const id = await send({ from: number(BEN), chat: BEN, kind: "VIEW_ONCE" });
    await one.until("the placeholder", () => one.message(id)?.key.isViewOnce);
    assert.equal((await said(walk, BEN)).at(-1).kind, "VIEW_ONCE");
  });

  await row("phone deletes a message for its owner", async () => {
    const id = await write(walk, BEN, BEN, "to be forgotten");
    await arrived(id);
    const mark = one.mark();
    await sandbox.play(`${account}/messages/${id}`, { deletedForMe: true });
    await one.until("the deletion", () =>
      one.heard("messages.delete", mark).some(({ keys }) => keys.some((key) => key.id === id && key.remoteJid === BEN)));
  });
  await row("client deletes a message for its owner", async () => {
    const id = await write(walk, BEN, BEN, "to be forgotten as well");
    const { key, messageTimestamp } = await arrived(id);
    await one.sock.chatModify({ deleteForMe: { deleteMedia: false, key, timestamp: Number(messageTimestamp) } }, BEN);
    assert.ok(!(await said(walk, BEN)).some((message) => message.id === id));
  });

  await row("placeholder resend", async () => {
    const id = await send({ from: number(BEN), chat: BEN, text: "once more", delivered: false });
    const mark = one.mark();
    await one.sock.requestPlaceholderResend({ remoteJid: BEN, fromMe: false, id });
    const resent = () => one.heard("messages.upsert", mark).flatMap(({ messages }) => messages).find(({ key }) => key.id === id);
    assert.equal(text(await one.until("the message", resent)), "once more");
  });

  await row("full history", async () => {
    const [phone, friend] = ["15550100088", "15550100089"];
    const from = Date.now() - 3_600_000;
    const messages = Array.from({ length: 30 }, (_, place) => ({ from: friend, text: `message ${place}`, at: from + place * 60_000 }));
    const contacts = [{ phone: friend, name: "Ben" }];
    await sandbox.play("/accounts", { phone, name: "Ada", contacts, history: [{ jid: `${friend}@s.whatsapp.net`, messages }] });
    const other = walk.newClient("full", phone);
    await other.open({ pair: "qr" });
    const parts = () => other.heard("messaging-history.set");
    const { FULL } = baileys.proto.HistorySync.HistorySyncType;
    await other.until("the full history", () => parts().some(({ syncType }) => syncType === FULL));
    const told = new Set(parts().flatMap((part) => part.messages.map(text)));
    assert.equal(told.size, 30);
    await other.close();
  });
}
