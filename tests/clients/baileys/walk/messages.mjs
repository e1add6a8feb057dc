// Messages of other people, of the owner on the phone, and of the client.
import assert from "node:assert/strict";
import * as baileys from "baileys";
import { text } from "../client.mjs";
import { BEN, PRIYA, TEAM, said, write } from "./compare.mjs";

export async function messages(walk) {
  const { sandbox, account, row, one } = walk;
  const owner = `${sandbox.phone}@s.whatsapp.net`;
  const arrived = (id) => one.until(`message ${id}`, () => one.message(id)?.message && one.message(id));

  for (const [name, from, chat] of [["direct chat", BEN, BEN], ["group", PRIYA, TEAM]]) {
    await row(`message in, ${name}`, async () => {
      for (const words of ["first", "second"]) {
        const message = await arrived(await write(walk, from, chat, words));
        assert.equal(text(message), words);
        assert.equal(message.key.remoteJid, chat);
        assert.equal(message.key.fromMe, false);
        assert.equal(message.key.participant || undefined, chat === TEAM ? from : undefined);
      }
    });
    await row(`message of the phone, ${name}`, async () => {
      const message = await arrived(await write(walk, owner, chat, "on my way"));
      assert.equal(text(message), "on my way");
      assert.deepEqual([message.key.remoteJid, message.key.fromMe], [chat, true]);
    });
    await row(`edit and revoke, ${name}`, async () => {
      const id = await write(walk, from, chat, "at nine");
      await arrived(id);
      const mark = one.mark();
      const updates = () => one.heard("messages.update", mark).filter(({ key }) => key.id === id);
      await sandbox.play(`${account}/messages/${id}`, { text: "at ten" });
      await one.until("the edit", () =>
        updates().some(({ update }) => text({ message: update.message?.editedMessage?.message }) === "at ten"));
      await sandbox.play(`${account}/messages/${id}`, { revoked: true });
      await one.until("the revocation", () =>
        updates().some(({ update }) => update.messageStubType === baileys.WAMessageStubType.REVOKE));
    });
    await row(`reactions name the message, ${name}`, async () => {
      const theirs = await write(walk, from, chat, "theirs");
      const own = await write(walk, owner, chat, "mine");
      await Promise.all([arrived(theirs), arrived(own)]);
      for (const [id, by, fromMe] of [[theirs, from, false], [theirs, owner, false], [own, from, true], [own, owner, true]]) {
        const mark = one.mark();
        await sandbox.play(`${account}/messages/${id}`, { reaction: "👍", from: by.split("@")[0] });
        const [{ key }] = await one.until("the reaction", () => {
          const reactions = one.heard("messages.reaction", mark);
          return reactions.length > 0 && reactions;
        });
        assert.deepEqual([key.id, key.fromMe, key.remoteJid], [id, fromMe, chat], `${by} to ${id}`);
      }
    });
    await row(`client → ${name}: shown, delivered, read`, async () => {
      // In a group, the first message distributes the sender key, and later messages use it.
      for (const words of ["one", "two", "three"]) {
        const mark = one.mark();
        const id = await one.send(chat, { text: words });
        await one.until("the phone to show it", async () => {
          const last = (await said(walk, chat)).at(-1);
          return last.id === id && last.from === null && last.text === words;
        });
        await told(one, mark, id, chat, from, "received");
        const [first] = one.events.slice(mark).filter(({ name: event }) => event.startsWith("message"));
        assert.equal(first.name, "messages.upsert", "the receipt was reported before the message");
        await sandbox.play(`${account}/messages/${id}`, { readBy: from.split("@")[0] });
        await told(one, mark, id, chat, from, "read");
      }
    });
  }

  for (const [name, chat] of [["direct chat", BEN], ["group", TEAM]]) {
    await row(`client → ${name}: edit, revoke`, async () => {
      const id = await one.send(chat, { text: "at nine" });
      const key = { remoteJid: chat, fromMe: true, id };
      const shows = (what, check) =>
        one.until(what, async () => check((await said(walk, chat)).find((message) => message.id === id)));
      await shows("the message", (message) => message.text === "at nine");
      await one.send(chat, { text: "at ten", edit: key });
      await shows("the edit", (message) => message.text === "at ten" && message.edited);
      await one.send(chat, { delete: key });
      await shows("the revocation", (message) => message.text === null && message.revoked);
    });
  }

  await row("message of a verified business", async () => {
    await sandbox.play(`${account}/contacts`, { phone: BEN.split("@")[0], businessName: "Carter's Bakery" });
    const message = await arrived(await write(walk, BEN, BEN, "we are open"));
    assert.equal(message.verifiedBizName, "Carter's Bakery");
  });

  await row("client reads: the count on the phone", async () => {
    const id = await write(walk, PRIYA, PRIYA, "read me");
    const { key } = await arrived(id);
    await one.sock.readMessages([key]);
    await one.until("an empty count", async () =>
      (await sandbox.get(`${account}/chats`)).find(({ jid }) => jid === PRIYA).unreadCount === 0);
  });
}

// Waits until Baileys reports a message as received or read: by an event, or merged into that of the message.
function told(client, mark, id, chat, reader, what) {
  const { DELIVERY_ACK, READ } = baileys.proto.WebMessageInfo.Status;
  return client.until(`the message to be ${what}`, () => {
    if (chat.endsWith("@g.us")) {
      const receipts = client.heard("message-receipt.update", mark).filter(({ key }) => key.id === id);
      const merged = client.message(id)?.userReceipt ?? [];
      const field = what === "read" ? "readTimestamp" : "receiptTimestamp";
      const all = [...receipts.map(({ receipt }) => receipt), ...merged];
      return all.some((receipt) => receipt.userJid === reader && receipt[field] > 0);
    }
    const wanted = what === "read" ? READ : DELIVERY_ACK;
    return client.message(id)?.status >= wanted;
  });
}
