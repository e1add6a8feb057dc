// Requests of the client: groups, older messages, names, pictures, blocks, privacy; and rejected requests.
import assert from "node:assert/strict";
import * as baileys from "baileys";
import { BEN, agree, plain, said, shown, write } from "./compare.mjs";

const [ANNA, CARL] = ["447700900951@s.whatsapp.net", "447700900952@s.whatsapp.net"];
const number = (jid) => jid.split("@")[0];

export async function requests(walk) {
  const { sandbox, account, row, one } = walk;
  const { sock } = one;
  const refused = (code, asked) => assert.rejects(asked, ({ data, output }) => data === code || output?.statusCode === code);

  let group;
  await row("client → group: create", async () => {
    const mark = one.mark();
    const made = await sock.groupCreate("Bread swap", [BEN, ANNA]);
    group = made.id;
    assert.deepEqual([made.subject, made.participants.length], ["Bread swap", 3]);
    const admins = made.participants.filter(({ admin }) => admin === "superadmin").map(({ id }) => id);
    assert.deepEqual(admins, [`${sandbox.phone}@s.whatsapp.net`]);
    assert.equal((await shown(walk, group)).name, "Bread swap");
    await one.until("the notice", () => one.heard("groups.upsert", mark).some(({ id }) => id === group));
  });
  await row("client → group: subject, description", async () => {
    const mark = one.mark();
    await sock.groupUpdateSubject(group, "Bread and cakes");
    assert.equal((await shown(walk, group)).name, "Bread and cakes");
    await one.until("the notice", () =>
      one.heard("groups.update", mark).some(({ id, subject }) => id === group && subject === "Bread and cakes"));
    for (const text of ["Sundays at ten", "Sundays at nine"]) {
      await sock.groupUpdateDescription(group, text);
      assert.equal((await sock.groupMetadata(group)).desc, text);
    }
    await sock.groupUpdateDescription(group);
    assert.equal((await sock.groupMetadata(group)).desc, undefined);
  });
  await row("client → group: add, promote, demote, remove", async () => {
    for (const [action, status] of [["add", "200"], ["add", "409"], ["promote", "200"], ["demote", "200"], ["remove", "200"]]) {
      const [outcome] = await sock.groupParticipantsUpdate(group, [CARL], action);
      assert.deepEqual([outcome.jid, outcome.status], [CARL, status], action);
      const { participants } = await sock.groupMetadata(group);
      const carl = participants.find(({ id }) => id === CARL);
      assert.deepEqual([carl !== undefined, carl?.admin ?? null], [action !== "remove", action === "promote" ? "admin" : null]);
    }
  });
  await row("client → group: refused without rights, leave", async () => {
    await sandbox.play(`${account}/groups/${group}`, { demoted: [sandbox.phone], by: number(BEN) });
    await refused(403, sock.groupParticipantsUpdate(group, [CARL], "add"));
    await sock.groupLeave(group);
    await refused(403, sock.groupUpdateSubject(group, "Cakes"));
    assert.equal((await shown(walk, group)).name, "Bread and cakes");
  });

  await row("older messages on demand", async () => {
    for (const words of ["one", "two", "three", "four"]) await write(walk, BEN, BEN, words);
    const all = await said(walk, BEN);
    const from = all.at(-2);
    const mark = one.mark();
    const key = { remoteJid: BEN, fromMe: false, id: from.id };
    const session = await sock.fetchMessageHistory(2, key, from.at);
    const { messages, syncType } = await one.until("the messages", () =>
      one.heard("messaging-history.set", mark).find(({ peerDataRequestSessionId }) => peerDataRequestSessionId === session));
    assert.equal(syncType, baileys.proto.HistorySync.HistorySyncType.ON_DEMAND);
    assert.deepEqual(messages.map(({ key: { id } }) => id), [all.at(-3).id, all.at(-4).id]);
    // Such a part of the history has no settings, which the client's store takes for default settings.
    await sandbox.play(`${account}/chats/${BEN}`, { read: true });
    await agree(walk, one, BEN, { unreadCount: 0 });
  });

  await row("client → phone: name of a contact", async () => {
    const jid = await plain(walk, one);
    await sock.addOrEditContact(jid, { fullName: "Somebody Else", firstName: "Somebody", saveOnPrimaryAddressbook: true });
    assert.equal((await shown(walk, jid)).name, "Somebody Else");
    // The last change of this contact: after a removal Baileys computes a wrong check value for the next change of
    // another.
    await sock.removeContact(jid);
    assert.notEqual((await shown(walk, jid)).name, "Somebody Else");
  });
  await row("clear and read with an empty range: the phone does nothing", async () => {
    const jid = await plain(walk, one);
    const before = await said(walk, jid);
    await sock.chatModify({ clear: true, lastMessages: [] }, jid);
    await sock.chatModify({ markRead: false, lastMessages: [] }, jid);
    assert.deepEqual(await said(walk, jid), before);
    assert.equal((await shown(walk, jid)).markedUnread, false);
    await one.modify(jid, { markRead: true });
    await agree(walk, one, jid, { markedUnread: false });
  });

  await row("pictures: none, set, taken away; the client's own", async () => {
    await refused(404, sock.profilePictureUrl(BEN));
    let mark = one.mark();
    const changed = (whose, imgUrl) =>
      one.until(imgUrl, () => one.heard("contacts.update", mark).some((update) => update.id === whose && update.imgUrl === imgUrl));
    await sandbox.play(`${account}/pictures`, { whose: BEN, image: Buffer.from("a face").toString("base64") });
    await changed(BEN, "changed");
    const image = await fetch(await sock.profilePictureUrl(BEN, "image"));
    assert.equal(await image.text(), "a face");
    mark = one.mark();
    await sandbox.play(`${account}/pictures`, { whose: BEN, image: null });
    await changed(BEN, "removed");
    await refused(404, sock.profilePictureUrl(BEN));
  });
  await row("block list, privacy", async () => {
    const [lid, phone] = ["209000000000999@lid", "15550100111@s.whatsapp.net"];
    const blocked = async () => (await sandbox.get(`${account}/privacy`)).blocked;
    await sock.updateBlockStatus(phone, "block");
    assert.deepEqual(await blocked(), [lid]);
    assert.deepEqual(await sock.fetchBlocklist(), [lid]);
    await sock.updateBlockStatus(lid, "unblock");
    assert.deepEqual(await blocked(), []);
    const mark = one.mark();
    await sandbox.play(`${account}/contacts`, { phone: number(BEN), blocked: true });
    await one.until("the notice", () => one.heard("blocklist.update", mark).some(({ type }) => type === "add"));
    await sandbox.play(`${account}/contacts`, { phone: number(BEN), blocked: false });
    assert.equal((await sock.fetchPrivacySettings(true)).readreceipts, "all");
    await sock.updateReadReceiptsPrivacy("none");
    assert.equal((await sandbox.get(`${account}/privacy`)).settings.readreceipts, "none");
    assert.equal((await sock.fetchPrivacySettings(true)).readreceipts, "none");
    await sock.updateReadReceiptsPrivacy("all");
    await sock.fetchPrivacySettings(true);
  });

  await row("what the sandbox does not implement is refused", async () => {
    await refused(501, sock.updateProfileStatus("At the oven"));
    await refused(501, sock.groupInviteCode("120363040000000202@g.us"));
    // Every request that Baileys itself has made so far is implemented.
    const notes = (await sandbox.log("unsupported request")).map(({ text }) => text);
    assert.deepEqual(notes.filter((note) => !/set status|get w:g2 <invite>/.test(note)), []);
  });
}
