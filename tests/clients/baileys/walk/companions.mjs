// Two clients in one account: messages of one appear on the other and on the phone.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { text } from "../client.mjs";
import { BEN, TEAM, said, same } from "./compare.mjs";

export async function companions(walk) {
  const { sandbox, account, row, one, newClient } = walk;
  const two = newClient("two");

  await row("two clients: the second pairs, and shows the same", async () => {
    await two.open({ pair: "qr" });
    const chats = await sandbox.get(`${account}/chats`);
    await two.until("the same chats", () => chats.every((chat) => same(chat, two, chat.jid)));
  });

  const exchange = async (writer, reader, chat, words) => {
    const id = await writer.send(chat, { text: words });
    const message = await reader.until(`${words} to arrive`, () => reader.message(id)?.message && reader.message(id));
    assert.equal(text(message), words);
    assert.deepEqual([message.key.remoteJid, message.key.fromMe], [chat, true]);
    const last = (await said(walk, chat)).at(-1);
    assert.deepEqual([last.id, last.from, last.text], [id, null, words]);
    return id;
  };
  const byLid = "120363000000000778@g.us";
  const members = [BEN.split("@")[0]];
  await sandbox.play(`${account}/groups`, { jid: byLid, subject: "By LID", participants: members, addressingMode: "lid" });
  for (const [name, chat] of [["direct chat", BEN], ["group", TEAM], ["group by LID", byLid]]) {
    await row(`two clients: both write, ${name}`, async () => {
      for (const round of ["first", "second"]) {
        await exchange(one, two, chat, `${round} of one in ${name}`);
        await exchange(two, one, chat, `${round} of two in ${name}`);
      }
    });
  }

  for (const [name, chat] of [["direct chat", BEN], ["group", TEAM]]) {
    await row(`two clients: a message that cannot be opened comes again, ${name}`, async () => {
      await forget(two, sandbox.phone);
      if (chat === TEAM) await forget(two, TEAM, "sender-key");
      const id = await exchange(one, two, chat, `once more in ${name}`);
      assert.ok((await sandbox.log(`is asked to repeat ${id}`)).length > 0, "the sender was not asked to repeat the message");
    });
  }

  await row("two clients: settings", async () => {
    await one.sock.updateProfileName("Renamed by the client");
    await two.until("the name", () => two.heard("creds.update").some(({ me }) => me?.name === "Renamed by the client"));
    await one.modify(BEN, { pin: true });
    await two.until("the pin", () => two.view().get(BEN).pinned);
    await two.modify(BEN, { pin: false });
    await one.until("the unpinning", () => !one.view().get(BEN).pinned);
  });

  await row("two clients: one writes after the other is unlinked", async () => {
    const mark = one.logged.length;
    await sandbox.play(`${account}/unlink`, { device: Number(two.sock.user.id.match(/:(\d+)@/)[1]) });
    await two.until("the end", () => two.ending !== undefined && two.state === "close");
    await one.until("the notice", async () => (await sandbox.log('type="devices"', "<remove>", "<device ")).length > 0);
    for (const chat of [BEN, TEAM]) {
      const id = await one.send(chat, { text: "alone again" });
      await one.until("the phone to show it", async () => (await said(walk, chat)).at(-1).id === id);
    }
    assert.deepEqual(one.logged.slice(mark).filter(({ level }) => level === "error"), []);
  });

  await row("an unlinked client is refused at its next login", async () => {
    await two.open({ expect: "close" });
    assert.equal(two.ending, 401);
  });
}

// Deletes a client's sessions with the account's devices, or its sender keys for group messages.
async function forget(client, name, kind = "session") {
  const lid = client.sock.user.lid?.split(/[:@]/)[0] ?? name;
  const files = readdirSync(client.folder).filter((file) => file.startsWith(`${kind}-`));
  const keys = files.map((file) => file.slice(kind.length + 1, -".json".length).replaceAll("__", "/"));
  const lost = keys.filter((key) => [name, lid].some((user) => key.startsWith(user)));
  assert.notEqual(lost.length, 0, `${kind}s of ${name}`);
  await client.sock.authState.keys.set({ [kind]: Object.fromEntries(lost.map((key) => [key, null])) });
}
