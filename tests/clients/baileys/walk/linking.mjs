// Linking, from the handshake to the first agreement.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { trust } from "../isolation.mjs";
import { same } from "./compare.mjs";

export async function linking(walk) {
  const { sandbox, row, newClient, account } = walk;
  const client = newClient("one");

  await row("handshake: another root is refused", async () => {
    const stranger = newClient("stranger");
    trust(randomBytes(32));
    await stranger.open({ expect: "close" });
    trust(sandbox.root);
    assert.equal((await sandbox.log("accepted a certificate")).length, 0);
  });

  await row("handshake, pair by QR, 515, login", async () => {
    await client.open({ pair: "qr" });
    assert.deepEqual(client.endings, [515]);
    assert.ok((await sandbox.log("accepted a certificate")).length > 0);
    assert.equal(client.sock.user.id, `${sandbox.phone}:1@s.whatsapp.net`);
  });

  await row("keys: upload, count, digest", async () => {
    const uploads = () => sandbox.log("<registration>", 'xmlns="encrypt"', 'type="set"');
    await client.until("an upload", async () => (await uploads()).length === 1);
    await client.sock.digestKeyBundle();
    assert.ok((await sandbox.log("<count value=")).length > 0);
    assert.equal((await uploads()).length, 1, "the digest is not answered by another upload");
  });

  await row("key share, history, snapshots: every chat", async () => {
    const chats = await sandbox.get(`${account}/chats`);
    await client.until("the same chats", () => chats.every((chat) => same(chat, client, chat.jid)));
    assert.equal(client.view().size, chats.length);
  });

  await row("keys: rotation", async () => {
    // Baileys drops the signed key that it replaces, and cannot decrypt messages that were encrypted with it.
    await client.sock.rotateSignedPreKey();
  });

  await row("history: names and messages", async () => {
    const chats = await sandbox.get(`${account}/chats`);
    for (const { jid, name } of chats.filter(({ type }) => type === "GROUP")) {
      assert.equal(client.chats.all.get(jid).name, name);
    }
    const without = chats.filter(({ jid, lastMessageAt }) => lastMessageAt !== null && !client.chats.last(jid));
    assert.deepEqual(without.map(({ jid }) => jid), []);
  });

  await row("pair by code", async () => {
    const other = newClient("code");
    await other.open({ pair: "code", patience: 60_000 });
    await other.until("the history", () => other.view().size > 40);
    await other.close();
    await sandbox.play(`${account}/unlink`, { device: Number(other.sock.user.id.match(/:(\d+)@/)[1]) });
  });

  await row("restart: login from the kept state, no key uploaded again", async () => {
    const uploads = async () => (await sandbox.log("<registration>", 'xmlns="encrypt"', 'type="set"')).length;
    const before = await uploads();
    await client.close();
    await client.open();
    await client.until("the digest", async () => (await sandbox.log("<digest/>")).length > 1);
    await client.sock.digestKeyBundle();
    assert.equal(await uploads(), before);
  });
  return client;
}
