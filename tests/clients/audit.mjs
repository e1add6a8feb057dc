// Starts the program and runs the audits of graphql-http, the reference suite for GraphQL over HTTP. Every audit must
// pass, including those that the specification only recommends.
//   node audit.mjs PROGRAM
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { serverAudits } from "graphql-http";

const AUDITS = 61;
const PATIENCE_MS = 120_000;

const program = spawn(process.argv[2], ["demo", "--json", "--quiet", "--listen", "127.0.0.1:0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const late = setTimeout(() => program.kill("SIGKILL"), PATIENCE_MS);
try {
  process.exitCode = await judge();
} finally {
  clearTimeout(late);
  program.kill();
}

async function judge() {
  const { graphql: url, key } = JSON.parse(await firstLine(program.stdout));
  const authorized = (input, init) =>
    fetch(input, { ...init, headers: { ...init?.headers, authorization: `Bearer ${key}` } });
  const audits = serverAudits({ url, fetchFn: authorized });
  let passed = 0;
  for (const audit of audits) {
    const { status, name, reason } = await audit.fn();
    if (status === "ok") passed += 1;
    else console.error(`${status}: ${audit.id} ${name}: ${reason}`);
  }
  console.log(`${passed} of ${audits.length} audits passed`);
  return audits.length === AUDITS && passed === AUDITS ? 0 : 1;
}

async function firstLine(stream) {
  for await (const line of createInterface({ input: stream })) return line;
  throw new Error("the program did not start");
}
