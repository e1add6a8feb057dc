// Ends of connections, and the reconnects after them.
import assert from "node:assert/strict";
import { text } from "../client.mjs";
import { BEN, agree, write } from "./compare.mjs";

export async function endings(walk) {
  const { sandbox, account, row, one } = walk;
  const device = Number(one.sock.user.id.match(/:(\d+)@/)[1]);
  const end = (kind, more) => sandbox.play(`${account}/end`, { kind, device, ...more });
  const closed = (code) => one.until(`an ending with ${code}`, () => one.state === "close" && one.ending === code);

  await row("away and back: what waits comes once, in order", async () => {
    await one.modify(BEN, { markRead: true });
    await agree(walk, one, BEN, { unreadCount: 0 });
    await one.close();
    const ids = [];
    for (const words of ["one", "two", "three"]) ids.push(await write(walk, BEN, BEN, words));
    await sandbox.play(`${account}/chats/${BEN}`, { archived: true });
    const mark = one.mark();
    await one.open();
    const came = () => one.heard("messages.upsert", mark).flatMap(({ messages }) => messages.map(({ key }) => key.id));
    await one.until("the messages", () => ids.every((id) => text(one.message(id))));
    assert.deepEqual(came().filter((id) => ids.includes(id)), ids);
    await agree(walk, one, BEN, { archived: true });
    await sandbox.play(`${account}/chats/${BEN}`, { archived: false });
  });

  await row("dropped: 428, and the client comes back", async () => {
    one.reconnects = true;
    await end("dropped");
    await one.until("428", () => one.ending === 428);
    await one.until("the connection", () => one.state === "open");
    one.reconnects = false;
    const id = await write(walk, BEN, BEN, "still there?");
    await one.until("a message", () => text(one.message(id)) === "still there?");
  });

  for (const [kind, code, more] of [["replaced", 440], ["outdated", 405], ["refused", 400], ["banned", 402, { seconds: 4 }]]) {
    await row(`${kind}: ${code}`, async () => {
      await end(kind, more);
      await one.until("the end", () => one.state === "close");
      if (kind !== "replaced") await one.open({ expect: "close" });
      await closed(code);
      await one.until("the connection", async () => {
        if (one.state === "close") await one.open({ patience: 1_500 }).catch(() => {});
        return one.state === "open";
      });
    });
  }
}
