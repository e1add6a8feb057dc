// Runs the code of docs/clients.md and of the README against a running server. Each block of JavaScript or TypeScript
// has a name in its fence (```ts name=urql.ts), and is written to a file of this name in a temporary folder.
//   node docs.mjs PROGRAM SANDBOX
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inbox } from "./docs/inbox.mjs";
import { PHONE, start } from "./server.mjs";

// The files of each client, the one that exports `openInbox` last, and the commands that the page names.
const CLIENTS = {
  urql: { files: ["codegen.ts", "inbox.graphql", "live.ts", "urql.ts"], commands: ["graphql-codegen"] },
  apollo: { files: ["codegen.ts", "inbox.graphql", "live.ts", "apollo.ts"], commands: ["graphql-codegen"] },
  relay: { files: ["relay.config.json", "live.ts", "inbox.ts", "relay.ts"], commands: ["relay-compiler"] },
};
const PATIENCE_MS = 30_000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const [program, sandbox] = process.argv.slice(2);

const page = blocks("../../docs/clients.md");
const readme = blocks("../../README.md");
const wanted = new Set(Object.values(CLIENTS).flatMap(({ files }) => files));
assert.deepEqual([...page.keys()].sort(), [...wanted].sort(), "the named blocks of docs/clients.md");
assert.deepEqual([...readme.keys()], ["follow.mjs"], "the named blocks of README.md");
installable();

const folder = mkdtempSync(join(tmpdir(), "chatgraph-docs-"));
try {
  symlinkSync(here("node_modules"), join(folder, "node_modules"));
  const built = Object.entries(CLIENTS).map(([name, client]) => [name, build(name, client)]);
  const server = await start(program, sandbox);
  try {
    for (const [name, path] of built) console.log(`${name}: ${await inbox(server, path)}`);
    await follow(server);
  } finally {
    await server.stop();
  }
} finally {
  rmSync(folder, { recursive: true });
}

// Returns the named blocks of a page. Code without a name would not be run, so it is an error.
function blocks(path) {
  const found = new Map();
  for (const [, info, text] of readFileSync(here(path), "utf8").matchAll(/^```(\S.*)\n([^]*?)^```$/gm)) {
    const name = info.match(/ name=(\S+)$/)?.[1];
    if (!name && /^(js|ts|graphql|json)\b/.test(info)) throw new Error(`${path}: a block without a name:\n${text}`);
    if (name && found.has(name)) throw new Error(`${path}: two blocks are named ${name}`);
    if (name) found.set(name, text);
  }
  return found;
}

// Every package that the page installs must be in package.json, so that the tested versions are known.
function installable() {
  const { devDependencies } = JSON.parse(readFileSync(here("package.json"), "utf8"));
  const lines = readFileSync(here("../../docs/clients.md"), "utf8").match(/^npm install .*$/gm) ?? [];
  const packages = lines.flatMap((line) => line.split(" ").slice(2)).filter((word) => !word.startsWith("-"));
  assert(packages.length > 0, "docs/clients.md installs nothing");
  for (const name of packages) assert(name in devDependencies, `package.json lacks ${name}`);
}

// Writes the files of a client, generates and compiles; returns the folder of the result.
function build(name, { files, commands }) {
  const path = join(folder, name);
  mkdirSync(join(path, "__generated__"), { recursive: true });
  copyFileSync(here("../../schema.graphql"), join(path, "schema.graphql"));
  writeFileSync(join(path, "package.json"), '{ "type": "module" }');
  for (const file of files) writeFileSync(join(path, file), page.get(file));
  writeFileSync(join(path, "main.ts"), `export { openInbox } from "./${name}.js";\n`);
  const options = "--strict --module nodenext --target es2022 --lib es2023,dom,dom.iterable --skipLibCheck --outDir build";
  for (const [command, ...rest] of [...commands.map((command) => [command]), ["tsc", ...options.split(" "), "main.ts"]]) {
    try {
      execFileSync(here(`node_modules/.bin/${command}`), rest, { cwd: path, encoding: "utf8", stdio: "pipe" });
    } catch (failed) {
      throw new Error(`${name}: ${command} failed:\n${failed.stdout}${failed.stderr}`);
    }
  }
  return join(path, "build");
}

// The README's block: prints the changes while they happen.
async function follow(server) {
  const documented = "http://127.0.0.1:8080/graphql";
  const text = readme.get("follow.mjs");
  assert(text.includes(documented), `README.md: the block does not name ${documented}`);
  writeFileSync(join(folder, "follow.mjs"), text.replace(documented, server.url));
  const env = { ...process.env, KEY: server.key };
  const child = spawn("node", ["follow.mjs"], { cwd: folder, env, stdio: ["ignore", "pipe", "inherit"] });
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS);
  try {
    let following = false;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line.includes("LAST_MESSAGE")) return console.log("README: a message");
      if (following) continue;
      following = true;
      const message = { from: "447700900111", chat: "447700900111@s.whatsapp.net", text: "hello" };
      await server.play(`/accounts/${PHONE}/messages`, message);
    }
    throw new Error("README.md: the block ended without a change");
  } finally {
    clearTimeout(late);
    child.kill("SIGKILL");
  }
}
