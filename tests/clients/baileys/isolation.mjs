// Keeps all traffic of a test on this machine: sockets connect to loopback only, and blobs are fetched from the
// sandbox.
import { createRequire } from "node:module";
import { Socket } from "node:net";
import { Curve, generateSignalPubKey } from "baileys";
import { WA_CERT_DETAILS } from "baileys/lib/Defaults/index.js";

const require = createRequire(createRequire(import.meta.url).resolve("baileys"));
const { curve } = require("libsignal");

const LOOPBACK = new Set(["127.0.0.1", "::1", "localhost"]);
const connect = Socket.prototype.connect;
const realFetch = globalThis.fetch;

// Must be called before the first client is created. Baileys itself is unmodified; three parts are replaced in memory.
// They are the exported buffer with the root key for the server's certificate chain, the global `fetch`, and the check
// of signatures. That check accepts everything that does not throw, while libsignal returns false instead.
export function isolate(sandbox) {
  trust(sandbox.root);
  Curve.verify = (key, message, signature) => curve.verifySignature(generateSignalPubKey(key), message, signature) === true;
  Socket.prototype.connect = function guarded(...args) {
    const options = Array.isArray(args[0]) ? args[0][0] : args[0];
    const { host = "localhost", path } = typeof options === "object" ? options : { host: args[1] };
    if (path === undefined && !LOOPBACK.has(host)) throw new Error(`a connection to ${host} was refused by the test`);
    return connect.apply(this, args);
  };
  globalThis.fetch = (input, init = {}) => {
    const url = new URL(String(input));
    if (LOOPBACK.has(url.hostname)) return realFetch(url, init);
    const { method, body, signal } = init;
    return realFetch(`${sandbox.url}/media${url.pathname}`, { method, body, signal });
  };
}

// Makes Baileys trust certificate chains that end at this public key.
export function trust(root) {
  WA_CERT_DETAILS.PUBLIC_KEY.set(root);
}
