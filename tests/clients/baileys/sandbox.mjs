// The sandbox program: started for a test, controlled over HTTP (see sandbox/HTTP.md), and stopped with the test.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

export async function startSandbox(program, ...options) {
  const child = spawn(program, ["--json", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const said = await firstLine(child.stdout);
  const { url, key, root, phone } = JSON.parse(said);

  const ask = async (method, path, body) => {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const answer = await fetch(`${url}${path}`, init);
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  };

  return {
    url,
    key,
    root: Buffer.from(root, "base64url"),
    phone,
    get: (path) => ask("GET", path),
    play: (path, body = {}) => ask("POST", path, body),
    // Returns all log entries whose text contains every part.
    log: async (...parts) =>
      (await ask("GET", "/log")).filter(({ text }) => parts.every((part) => text.includes(part))),
    stop: () =>
      new Promise((resolve) => {
        child.once("exit", resolve);
        child.kill("SIGTERM");
      }),
  };
}

async function firstLine(stream) {
  const lines = createInterface({ input: stream });
  for await (const line of lines) {
    // Drain the output, so that the program never blocks on a full pipe.
    stream.resume();
    return line;
  }
  throw new Error("the sandbox did not start");
}
