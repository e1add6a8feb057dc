// What a client asks the server for its user: groups, names, blocks, pictures.
import assert from "node:assert/strict";
import { BEN, PRIYA, shown } from "./compare.mjs";

export async function requests(walk) {
  const { row, one } = walk;

  await row("client: group created, renamed, changed, left", async () => {
    const { id } = await one.sock.groupCreate("Made by the client", [BEN]);
    await one.until("the group on the phone", async () => (await shown(walk, id))?.name === "Made by the client");
    await one.sock.groupUpdateSubject(id, "Renamed by the client");
    await one.until("the subject", async () => (await shown(walk, id)).name === "Renamed by the client");
    await one.sock.groupParticipantsUpdate(id, [PRIYA], "add");
    const members = async () => (await one.sock.groupMetadata(id)).participants.map((member) => member.id);
    assert.ok((await members()).includes(PRIYA));
    await one.sock.groupParticipantsUpdate(id, [PRIYA], "remove");
    assert.ok(!(await members()).includes(PRIYA));
    await one.sock.groupLeave(id);
    await assert.rejects(one.sock.groupUpdateSubject(id, "Too late"));
  });

  await row("client → phone: a contact's name", async () => {
    await one.sock.addOrEditContact(BEN, { fullName: "Ben, renamed", firstName: "Ben" });
    await one.until("the name", async () => (await shown(walk, BEN)).name === "Ben, renamed");
  });

  await row("client: block, unblock", async () => {
    await one.sock.updateBlockStatus(BEN, "block");
    const blocked = () => one.sock.fetchBlocklist();
    assert.equal((await blocked()).length, 1);
    await one.sock.updateBlockStatus(BEN, "unblock");
    assert.deepEqual(await blocked(), []);
  });

  await row("client: a person without a picture", async () => {
    const picture = one.sock.profilePictureUrl(PRIYA, "preview");
    assert.equal(await picture.catch((error) => error.data), 404);
  });

  await row("a request that the sandbox does not implement is refused", async () => {
    const attrs = { to: "s.whatsapp.net", type: "set", xmlns: "w:nothing" };
    await assert.rejects(one.sock.query({ tag: "iq", attrs, content: [{ tag: "nothing", attrs: {} }] }), (error) => {
      assert.equal(error.data, 501);
      return true;
    });
  });
}
