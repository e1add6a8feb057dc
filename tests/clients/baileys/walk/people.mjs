// Calls, groups that others change, numbers and LIDs.
import assert from "node:assert/strict";
import { text } from "../client.mjs";
import { BEN, PRIYA, said, write } from "./compare.mjs";

const GROUP = "120363000000000777@g.us";
const number = (jid) => jid.split("@")[0];

export async function people(walk) {
  const { sandbox, account, row, one } = walk;

  await row("incoming call, rejected by the client", async () => {
    const mark = one.mark();
    const { id } = await sandbox.play(`${account}/calls`, { from: number(BEN) });
    const call = await one.until("the call", () => one.heard("call", mark).find((call) => call.id === id));
    await one.sock.rejectCall(call.id, call.from);
    await one.until("the rejection", async () =>
      (await sandbox.get(`${account}/calls`)).find((known) => known.id === id).state === "REJECTED");
  });

  await row("group by others: created, subject, members", async () => {
    let mark = one.mark();
    const by = number(BEN);
    await sandbox.play(`${account}/groups`, { jid: GROUP, subject: "Summer fair", participants: [by], by });
    await one.until("the group", () => one.heard("groups.upsert", mark).some(({ id }) => id === GROUP));
    mark = one.mark();
    await sandbox.play(`${account}/groups/${GROUP}`, { subject: "Summer fair, moved", by });
    await one.until("the subject", () =>
      one.heard("groups.update", mark).some(({ id, subject }) => id === GROUP && subject === "Summer fair, moved"));
    for (const [field, action] of [["added", "add"], ["removed", "remove"]]) {
      mark = one.mark();
      await sandbox.play(`${account}/groups/${GROUP}`, { [field]: [number(PRIYA)], by });
      await one.until(action, () =>
        one.heard("group-participants.update", mark).some((update) => update.id === GROUP && update.action === action));
    }
    const { subject, participants } = await one.sock.groupMetadata(GROUP);
    assert.deepEqual([subject, participants.length], ["Summer fair, moved", 2]);
  });

  await row("a LID and a number are one person", async () => {
    const lid = "209000000000999";
    const phone = "15550100111";
    await sandbox.play(`${account}/mappings`, { lid, phone });
    await one.until("the mapping", async () =>
      (await one.sock.signalRepository.lidMapping.getLIDForPN(`${phone}@s.whatsapp.net`)) === `${lid}@lid`);
  });

  await row("a setting tells the number of a LID", async () => {
    const mark = one.mark();
    const [lid, phone] = ["209000000000777", "15550100177"];
    await sandbox.play(`${account}/mappings`, { lid, phone, setting: true });
    await one.until("the mapping", () =>
      one.heard("lid-mapping.update", mark).some((told) =>
        told.lid === `${lid}@lid` && told.pn === `${phone}@s.whatsapp.net`));
  });

  await row("somebody without a number is saved (Baileys has no event for a removal)", async () => {
    const mark = one.mark();
    const lid = "209000000000666@lid";
    await sandbox.play(`${account}/contacts`, { phone: lid, name: "Nadia Haddad" });
    await one.until("the contact", () =>
      one.heard("contacts.upsert", mark).some(({ id, name }) => id === lid && name === "Nadia Haddad"));
    await sandbox.play(`${account}/contacts`, { phone: lid, name: null });
  });

  await row("somebody known by LID only: in and out", async () => {
    const lid = "209000000000888@lid";
    const mark = one.logged.length;
    const { id } = await sandbox.play(`${account}/messages`, { from: lid, chat: lid, text: "who is this?" });
    const { key } = await one.until("the message", () => text(one.message(id)) === "who is this?" && one.message(id));
    assert.equal(key.remoteJid, lid);
    const answer = await one.send(lid, { text: "me" });
    await one.until("the phone to show it", async () => (await said(walk, lid)).at(-1).id === answer);
    const mappings = one.logged.slice(mark).filter((entry) => JSON.stringify(entry).includes("LID-PN mapping"));
    assert.deepEqual(mappings, [], "a LID was reported as its own number");
  });

  await row("number change: messages of the new number arrive (Baileys has no event)", async () => {
    await sandbox.play(`${account}/contacts`, { phone: number(PRIYA), newPhone: "447700900998" });
    const id = await write(walk, "447700900998", "447700900998@s.whatsapp.net", "my new number");
    await one.until("the message", () => text(one.message(id)) === "my new number");
  });
}
