// Runs every client in this folder against a running server. Each is a small program like a user's own: it reads
// CHATGRAPH_URL and CHATGRAPH_KEY, prints the result, and fails if the result is unexpected.
//   node run.mjs PROGRAM SANDBOX PYTHON
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { PHONE, start } from "./server.mjs";

const PATIENCE_MS = 60_000;
const [program, sandbox, python] = process.argv.slice(2);

const server = await start(program, sandbox);
try {
  for (const [command, ...rest] of [
    ["node", "graphql-ws.mjs"],
    ["node", "subscriptions-transport-ws.mjs"],
    ["node", "graphql-sse.mjs"],
    ["node", "apollo.mjs"],
    ["node", "urql.mjs"],
    ["node", "relay/client.mjs"],
    ["node", "typescript/build/client.js"],
    [python, "python/client.py"],
  ]) {
    await run(command, rest, () => {});
  }
  await run("node", ["resume.mjs"], restarts());
} finally {
  await server.stop();
}

async function run(command, rest, heard) {
  console.log(`--- ${rest.join(" ")}`);
  const env = { ...process.env, CHATGRAPH_URL: server.url, CHATGRAPH_KEY: server.key };
  const client = spawn(command, rest, { env, stdio: ["ignore", "pipe", "inherit"] });
  const late = setTimeout(() => client.kill("SIGKILL"), PATIENCE_MS);
  const ended = new Promise((resolve) => client.once("close", (code, signal) => resolve(signal ?? code)));
  for await (const line of createInterface({ input: client.stdout })) {
    console.log(line);
    heard(line);
  }
  clearTimeout(late);
  const how = await ended;
  if (how !== 0) throw new Error(`${rest.join(" ")} ended with ${how}`);
}

// Events while a client follows: people write and the owner mutes, also while the server is down. It is killed once and
// stopped once.
function restarts() {
  let begun = false;
  let until = 4_000_000_000_000;
  const write = (text) =>
    server.play(`/accounts/${PHONE}/messages`, { from: "447700900111", chat: "447700900111@s.whatsapp.net", text });
  const busy = async (round) => {
    for (let number = 0; number < 10; number += 1) {
      await write(`${round}.${number}`);
      await server.play(`/accounts/${PHONE}/chats/447700900111@s.whatsapp.net`, { mutedUntil: (until += 1_000) });
    }
  };
  const happen = async () => {
    await busy("before");
    await server.end("SIGKILL");
    await busy("killed");
    await server.start();
    await busy("back");
    await server.end("SIGTERM");
    await busy("stopped");
    await server.start();
    await busy("again");
    await write("the end");
  };
  return (line) => {
    if (begun || !line.startsWith("following")) return;
    begun = true;
    happen().catch((failed) => {
      console.error(failed);
      process.exitCode = 1;
    });
  };
}
