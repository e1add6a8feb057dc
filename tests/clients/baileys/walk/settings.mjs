// Settings of chats, changed on either side.
import assert from "node:assert/strict";
import { agree, plain, shown, write } from "./compare.mjs";

const FOREVER = 253_402_300_799_999;

export async function settings(walk) {
  const { row, one } = walk;
  const later = (Math.floor(Date.now() / 1000) + 3600) * 1000;

  const onThePhone = async (jid, change, expected = change) => {
    await walk.sandbox.play(`${walk.account}/chats/${jid}`, change);
    await agree(walk, one, jid, expected);
  };
  const inTheClient = async (jid, change, expected) => {
    await one.modify(jid, change);
    await agree(walk, one, jid, expected);
  };
  // A phone pins at most three chats, so the demo's pins are removed first.
  const chats = await walk.sandbox.get(`${walk.account}/chats`);
  for (const { jid } of chats.filter(({ pinned }) => pinned)) await onThePhone(jid, { pinned: false });

  const jid = await plain(walk, one);
  await row("phone → client: archive, unarchive", async () => {
    await onThePhone(jid, { archived: true });
    await onThePhone(jid, { archived: false });
  });
  await row("phone → client: pin, unpin", async () => {
    await onThePhone(jid, { pinned: true });
    await onThePhone(jid, { pinned: false });
  });
  await row("phone → client: mute, mute forever, unmute", async () => {
    await onThePhone(jid, { mutedUntil: later });
    await onThePhone(jid, { mutedUntil: FOREVER });
    await onThePhone(jid, { mutedUntil: null });
  });
  await row("phone → client: mark unread, read", async () => {
    await onThePhone(jid, { read: false }, { markedUnread: true });
    await onThePhone(jid, { read: true }, { markedUnread: false, unreadCount: 0 });
  });
  await row("phone → client: delete", async () => {
    const gone = await plain(walk, one);
    await walk.sandbox.play(`${walk.account}/chats/${gone}`, { deleted: true });
    await one.until("the deletion", () => !one.view().has(gone));
  });
  await row("phone → client: clear (Baileys has no event: read without complaint)", async () => {
    const cleared = await plain(walk, one);
    const before = one.errors().length;
    await walk.sandbox.play(`${walk.account}/chats/${cleared}`, { cleared: true });
    // A later change of the same collection shows that this one was applied.
    await onThePhone(cleared, { mutedUntil: later });
    assert.equal(one.errors().length, before);
  });
  await row("phone → client: lock, unlock", async () => {
    const hidden = await plain(walk, one);
    for (const locked of [true, false]) {
      const mark = one.mark();
      await walk.sandbox.play(`${walk.account}/chats/${hidden}`, { locked });
      await one.until("the lock", () =>
        one.heard("chats.lock", mark).some((told) => told.id === hidden && told.locked === locked));
    }
  });
  await row("phone → client: new messages unarchive their chat, or not", async () => {
    const quiet = await plain(walk, one);
    for (const unarchiveChats of [true, false]) {
      const mark = one.mark();
      await walk.sandbox.play(`${walk.account}/settings`, { unarchiveChats });
      await one.until("the setting", () =>
        one.heard("creds.update", mark).some((told) => told.accountSettings?.unarchiveChats === unarchiveChats));
      await onThePhone(quiet, { archived: true });
      await write(walk, quiet, quiet, "are you there?");
      await agree(walk, one, quiet, { archived: !unarchiveChats });
    }
  });

  const other = await plain(walk, one);
  await row("client → phone: archive, unarchive", async () => {
    await inTheClient(other, { archive: true }, { archived: true });
    await inTheClient(other, { archive: false }, { archived: false });
  });
  await row("client → phone: pin, unpin", async () => {
    await inTheClient(other, { pin: true }, { pinned: true });
    await inTheClient(other, { pin: false }, { pinned: false });
  });
  await row("client → phone: mute, mute forever, unmute", async () => {
    await inTheClient(other, { mute: later }, { mutedUntil: later });
    await inTheClient(other, { mute: -1 }, { mutedUntil: FOREVER });
    await inTheClient(other, { mute: null }, { mutedUntil: null });
  });
  await row("client → phone: mark unread, read", async () => {
    await inTheClient(other, { markRead: false }, { markedUnread: true });
    await inTheClient(other, { markRead: true }, { markedUnread: false, unreadCount: 0 });
  });
  await row("client → phone: clear", async () => {
    const cleared = await plain(walk, one);
    await one.modify(cleared, { clear: true });
    await one.until("the clearing", async () => (await shown(walk, cleared)).lastMessageAt === null);
  });
  await row("client → phone: delete", async () => {
    const gone = await plain(walk, one);
    await one.modify(gone, { delete: true });
    await one.until("the deletion", async () => (await shown(walk, gone)) === undefined);
  });
}
