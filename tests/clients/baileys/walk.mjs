// Links unmodified Baileys to an account of the sandbox, and compares both sides after each step.
//   node walk.mjs SANDBOX
// BAILEYS_LOG=1 keeps the folder, with Baileys' log and events.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "./client.mjs";
import { isolate } from "./isolation.mjs";
import { Rows } from "./rows.mjs";
import { startSandbox } from "./sandbox.mjs";
import { companions } from "./walk/companions.mjs";
import { endings } from "./walk/endings.mjs";
import { kinds } from "./walk/kinds.mjs";
import { linking } from "./walk/linking.mjs";
import { messages } from "./walk/messages.mjs";
import { people } from "./walk/people.mjs";
import { requests } from "./walk/requests.mjs";
import { settings } from "./walk/settings.mjs";

const sandbox = await startSandbox(process.argv[2], "--demo", "--quiet");
const folder = mkdtempSync(join(tmpdir(), "chatgraph-baileys-"));
isolate(sandbox);
const rows = new Rows();
const newClient = (name, phone = sandbox.phone) => new Client({ sandbox, phone, folder: join(folder, name) });
const walk = { sandbox, rows, newClient, row: rows.row.bind(rows), account: `/accounts/${sandbox.phone}` };
try {
  walk.one = await linking(walk);
  for (const part of [settings, messages, kinds, people, requests, companions, endings]) await part(walk);
} finally {
  rows.print();
  await sandbox.stop();
  if (process.env.BAILEYS_LOG) console.log(`The logs are in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
// Baileys leaves timers running.
process.exit(rows.failed.length === 0 ? 0 : 1);
