// The examples of reverse proxies in packaging/, each checked by its own program and used by clients: requests, a
// WebSocket and a stream over TLS. The only differences from the files are addresses, ports and paths.
//   node proxies.mjs PROGRAM SANDBOX
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import WebSocket from "ws";
import { freePort, start } from "./server.mjs";

const PATIENCE_MS = 20_000;
const [program, sandbox] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "chatgraph-proxies-"));
// nginx gives up root.
chmodSync(folder, 0o755);
const [key, certificate] = ["key", "crt"].map((kind) => join(folder, `chat.example.org.${kind}`));
const [served, watched] = [await freePort(), await freePort()];

const proxies = {
  nginx: {
    configuration: (port) => {
      const example = changed("nginx.conf", [
        ["listen 443 ssl", `listen 127.0.0.1:${port} ssl`],
        ["/etc/nginx/chat.example.org.pem", certificate],
        ["/etc/nginx/chat.example.org.key", key],
        ["127.0.0.1:8080", `127.0.0.1:${served}`],
      ]);
      const own = `daemon off; pid ${folder}/nginx.pid; error_log stderr; events {}`;
      return `${own}\nhttp { access_log off; proxy_temp_path ${folder}/proxy; client_body_temp_path ${folder}/body;\n${example}}\n`;
    },
    check: (file) => ["nginx", "-t", "-c", file],
    run: (file) => ["nginx", "-c", file],
  },
  haproxy: {
    configuration: (port) =>
      changed("haproxy.cfg", [
        ["bind :443 ", `bind 127.0.0.1:${port} `],
        ["/etc/haproxy/chat.example.org.pem", join(folder, "both.pem")],
        ["127.0.0.1:8080 check port 9090", `127.0.0.1:${served} check port ${watched}`],
      ]),
    check: (file) => ["haproxy", "-c", "-f", file],
    run: (file) => ["haproxy", "-db", "-f", file],
  },
};

makeCertificate();
const options = ["--trusted-proxies", "127.0.0.1", "--metrics-listen", `127.0.0.1:${watched}`];
const server = await start(program, sandbox, options, served);
try {
  for (const [name, proxy] of Object.entries(proxies)) {
    const [port, file] = [await freePort(), join(folder, name)];
    writeFileSync(file, proxy.configuration(port));
    execFileSync(...split(proxy.check(file)), { stdio: "inherit" });
    const [command, rest] = split(proxy.run(file));
    const running = spawn(command, rest, { stdio: "inherit" });
    try {
      await answers(port);
      await requests(name, port);
      for (const client of ["graphql-ws.mjs", "graphql-sse.mjs"]) {
        const env = { ...process.env, CHATGRAPH_URL: `https://localhost:${port}/graphql`, CHATGRAPH_KEY: server.key };
        env.NODE_EXTRA_CA_CERTS = certificate;
        execFileSync("node", [client], { env, stdio: ["ignore", "inherit", "inherit"], timeout: PATIENCE_MS });
      }
      console.log(`${name}: requests, a WebSocket and a stream pass`);
    } finally {
      running.kill("SIGTERM");
    }
  }
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

function changed(name, changes) {
  const example = readFileSync(new URL(`../../packaging/${name}`, import.meta.url), "utf8");
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`${name} no longer contains ${from}`);
    return text.replaceAll(from, to);
  }, example);
}

function makeCertificate() {
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const files = ["-keyout", key, "-out", certificate, "-days", "2", "-nodes"];
  execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", ...files, ...names], { stdio: "ignore" });
  writeFileSync(join(folder, "both.pem"), readFileSync(certificate, "utf8") + readFileSync(key, "utf8"));
}

function split([command, ...rest]) {
  return [command, rest];
}

async function answers(port) {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.end());
    });
    // HAProxy opens its port before its first check has passed.
    if (open && (await ask(port, "GET", "/healthz")).status === 200) return;
    if (Date.now() > deadline) throw new Error(`no response on port ${port}`);
    await sleep(50);
  }
}

// What the operator keeps to itself, guessed tokens, and sockets that pages open.
async function requests(name, port) {
  const query = JSON.stringify({ query: "{ viewer { kind } }" });
  const json = { "content-type": "application/json" };
  const own = `https://localhost:${port}`;
  for (const [what, wanted, got] of [
    ["a request", 200, (await ask(port, "POST", "/graphql", { ...json, authorization: `Bearer ${server.key}` }, query)).status],
    ["a guessed token", 401, (await ask(port, "POST", "/graphql", { ...json, authorization: "Bearer cg_x" }, query)).status],
    ["/readyz", 404, (await ask(port, "GET", "/readyz")).status],
    ["/metrics", 404, (await ask(port, "GET", "/metrics")).status],
    ["a socket of the server's own page", 101, await upgrade(port, own)],
    ["a socket of another page", 403, await upgrade(port, "https://elsewhere.example")],
  ]) {
    if (got !== wanted) throw new Error(`${name}, ${what}: ${got} instead of ${wanted}`);
  }
}

function upgrade(port, origin) {
  return new Promise((resolve, reject) => {
    const url = `wss://localhost:${port}/graphql`;
    const socket = new WebSocket(url, "graphql-transport-ws", { origin, ca: readFileSync(certificate) });
    socket.once("open", () => resolve(101) || socket.terminate());
    socket.once("unexpected-response", (asked, answer) => resolve(answer.statusCode) || asked.destroy());
    socket.once("error", reject);
  });
}

function ask(port, method, path, headers = {}, body = undefined) {
  return new Promise((resolve, reject) => {
    const options = { host: "localhost", port, method, path, headers, ca: readFileSync(certificate) };
    const asked = request(options, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => (text += part));
      answer.on("end", () => resolve({ status: answer.statusCode, text }));
    });
    asked.on("error", reject).end(body);
  });
}
