// A sandbox and a chatgraph server connected to it, as processes that a script can kill and start again.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";

export const PHONE = "447700900100";

export async function start(program, sandboxProgram, more = [], port = undefined) {
  const folder = mkdtempSync(join(tmpdir(), "chatgraph-clients-"));
  const env = { ...process.env, CHATGRAPH_DATABASE: `sqlite:${join(folder, "chatgraph.db")}` };
  const sandbox = spawn(sandboxProgram, ["--json", "--demo", "--quiet"], { stdio: ["ignore", "pipe", "inherit"] });
  const { url: phoneSide, key: trusted, root } = JSON.parse(await line(sandbox.stdout, () => true));
  const createKey = (organization) => {
    const options = ["--organization", organization, "--permission", "read,send,manage,events"];
    return execFileSync(program, ["key", "create", ...options], { env, encoding: "utf8" }).trim();
  };
  const key = createKey("acme");
  const server = { key, createKey, phoneSide, root: Buffer.from(root, "base64url"), process: undefined, url: undefined };
  const listen = `127.0.0.1:${port ?? (await freePort())}`;

  server.start = async () => {
    const options = ["--listen", listen, "--sandbox-url", phoneSide, "--sandbox-key", trusted, "--log-format", "json", ...more];
    server.process = spawn(program, ["serve", ...options], { env, stdio: ["ignore", "ignore", "pipe"] });
    await line(server.process.stderr, (text) => text.includes('"Serving"'));
    server.url = `http://${listen}/graphql`;
  };

  server.end = async (signal) => {
    const ended = new Promise((resolve) => server.process.once("exit", resolve));
    server.process.kill(signal);
    await ended;
  };

  server.ask = async (query, variables) => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
    const answer = await fetch(server.url, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const { data, errors } = await answer.json();
    if (errors) throw new Error(JSON.stringify(errors));
    return data;
  };

  // Makes the phone act; see sandbox/HTTP.md.
  server.play = async (path, body) => {
    const done = await fetch(`${phoneSide}${path}`, { method: "POST", body: JSON.stringify(body) });
    const said = await done.text();
    if (!done.ok) throw new Error(`${path}: ${said}`);
    return said === "" ? undefined : JSON.parse(said);
  };

  // Returns the phone's state.
  server.look = async (path) => {
    const shown = await fetch(`${phoneSide}${path}`);
    if (!shown.ok) throw new Error(`${path}: ${await shown.text()}`);
    return shown.json();
  };

  server.stop = async () => {
    server.process?.kill("SIGKILL");
    sandbox.kill("SIGKILL");
    await sleep(100);
    rmSync(folder, { recursive: true, force: true });
  };

  try {
    await server.start();
    await pair(server);
  } catch (failed) {
    await server.stop();
    throw failed;
  }
  return server;
}

// Returns a port for a server that restarts on it, outside the range of ephemeral ports. A client that reconnects while
// the server is down could otherwise connect to itself.
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 10_000);
    const taken = createServer();
    const free = await new Promise((resolve) => {
      taken.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => taken.close(resolve));
    if (free) return port;
  }
}

// Creates a session, and makes the phone scan its QR code.
async function pair(server) {
  const { createSession } = await server.ask("mutation { createSession(input: {}) { session { id } } }");
  const { id } = createSession.session;
  await server.ask("mutation($id: ID!) { startSession(input: {sessionId: $id}) { session { id } } }", { id });
  const shown = "query($id: ID!) { session(id: $id) { status pairing { qr } } chats(first: 1) { totalCount } }";
  for (let scanned = false; ; await sleep(20)) {
    const { session, chats } = await server.ask(shown, { id });
    if (!scanned && session.pairing?.qr) {
      await server.play(`/accounts/${PHONE}/scan`, { qr: session.pairing.qr });
      scanned = true;
    }
    if (session.status === "WORKING" && chats.totalCount > 30) return;
  }
}

async function line(stream, wanted) {
  const lines = createInterface({ input: stream });
  for await (const text of lines) {
    if (!wanted(text)) continue;
    // Drain the output, so that the program never blocks on a full pipe.
    stream.resume();
    return text;
  }
  throw new Error("the program ended");
}
