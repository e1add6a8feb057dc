// A Baileys client linked to an account of the sandbox. It applies Baileys' events as an application would.
//   const client = new Client({ sandbox, phone, folder });
//   await client.open({ pair: "qr" });       later: await client.open();
//   client.sock                              Baileys itself
//   client.view()                            the chats, in the sandbox's format
//   await client.until("what", () => …)      waits until an application sees it
//   await client.close();
import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import * as baileys from "baileys";
import { Chats } from "./chats.mjs";

export const PATIENCE_MS = 15_000;
const HELD_BACK_MS = 1_000;
const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];

export class Client {
  constructor({ sandbox, phone, folder }) {
    Object.assign(this, { sandbox, phone, folder });
    this.chats = new Chats();
    this.messages = new Map();
    this.events = [];
    this.sent = new Map();
    this.logged = [];
    this.endings = [];
  }

  // Connects, pairs if requested, and waits until the connection is open. Baileys closes the first connection after a
  // pairing, and its application must open the second.
  async open({ pair, patience = PATIENCE_MS, expect = "open" } = {}) {
    this.pair = pair;
    this.wanted = true;
    this.state = undefined;
    await this.#connect();
    await this.until(`the connection to be ${expect}`, () => this.state === expect, patience);
  }

  // Closes the connection, as an application does when it stops.
  async close() {
    this.wanted = false;
    this.sock?.end(undefined);
    await this.until("the connection to end", () => this.state !== "open");
  }

  // Returns the status code of the last disconnect.
  get ending() {
    return this.endings.at(-1);
  }

  // Returns the errors that Baileys logged.
  errors() {
    return this.logged.filter(({ level }) => level === "error" || level === "fatal");
  }

  view() {
    return this.chats.view();
  }

  message(id) {
    return this.messages.get(id);
  }

  // Returns the data of all events with this name since `mark`, flattened.
  heard(name, mark = 0) {
    return this.events.slice(mark).flatMap((event) => (event.name === name ? [event.data].flat() : []));
  }

  mark() {
    return this.events.length;
  }

  async until(what, check, patience = PATIENCE_MS) {
    const [begin, end] = [Date.now(), Date.now() + patience];
    for (let last; ; await sleep(20)) {
      try {
        const value = await check();
        if (value) return value;
      } catch (error) {
        last = error;
      }
      // Baileys sometimes holds events back for 30 s, because it miscounts the operations that must end first.
      if (Date.now() > begin + HELD_BACK_MS) this.sock?.ev.flush();
      if (Date.now() > end) throw new Error(`${what} did not happen`, { cause: last });
    }
  }

  // Changes a chat as Baileys' users do, with the chat's last message as the range.
  modify(chat, change) {
    const last = this.chats.last(chat);
    if (last === undefined) throw new Error(`no message of ${chat} is known`);
    return this.sock.chatModify({ ...change, lastMessages: [last] }, chat);
  }

  async send(chat, content) {
    const message = await this.sock.sendMessage(chat, content);
    this.sent.set(message.key.id, message.message);
    return message.key.id;
  }

  async #connect() {
    const { state, saveCreds } = await baileys.useMultiFileAuthState(this.folder);
    const sock = baileys.makeWASocket({
      auth: state,
      logger: this.#logger(),
      waWebSocketUrl: `${this.sandbox.url.replace("http", "ws")}/ws/chat`,
      syncFullHistory: true,
      shouldSyncHistoryMessage: () => true,
      // Off by default in Baileys. If it is on, the sandbox's check values are verified, too.
      appStateMacVerification: { patch: true, snapshot: true },
      getMessage: async ({ id }) => this.sent.get(id),
    });
    this.sock = sock;
    sock.ev.on("creds.update", saveCreds);
    sock.ev.process((events) => {
      if (this.sock !== sock) return;
      for (const [name, data] of Object.entries(events)) this.#take(name, data);
    });
    sock.ev.on("connection.update", (update) => {
      if (this.sock === sock) this.#moved(update).catch((error) => (this.failed = error));
    });
  }

  async #moved({ qr, connection, lastDisconnect }) {
    if (connection !== undefined) this.state = connection;
    if (qr !== undefined && this.pair === "qr") {
      this.pair = undefined;
      await this.sandbox.play(`/accounts/${this.phone}/scan`, { qr });
    }
    if (qr !== undefined && this.pair === "code") {
      this.pair = undefined;
      const code = await this.sock.requestPairingCode(this.phone);
      const enter = () => this.sandbox.play(`/accounts/${this.phone}/enter`, { code });
      // Baileys shows the code before the server has registered the request.
      for (let tries = 0; ; tries += 1, await sleep(100)) {
        try {
          return await enter();
        } catch (error) {
          if (tries === 50 || !error.message.includes("unknown_code")) throw error;
        }
      }
    }
    if (connection === "close") {
      const code = lastDisconnect?.error?.output?.statusCode;
      this.endings.push(code);
      if (this.wanted && code === baileys.DisconnectReason.restartRequired) await this.#connect();
      else if (this.wanted && this.reconnects) await sleep(200).then(() => this.wanted && this.#connect());
    }
  }

  #take(name, data) {
    this.events.push({ name, data });
    this.chats.take(name, data);
    if (name === "messages.upsert") for (const message of data.messages) this.messages.set(message.key.id, message);
    if (name === "messages.update") {
      for (const { key, update } of data) Object.assign(this.messages.get(key.id) ?? {}, update);
    }
    if (process.env.BAILEYS_LOG) {
      appendFileSync(`${this.folder}.events`, `${name} ${JSON.stringify(data, baileys.BufferJSON.replacer)}\n`);
    }
  }

  // Keeps Baileys' log entries from level `warn` on; writes all of them to a file if BAILEYS_LOG=1.
  #logger() {
    const logger = { level: process.env.BAILEYS_LOG ? "trace" : "warn", child: () => logger };
    for (const level of LEVELS) {
      logger[level] = (details, text) => {
        if (LEVELS.indexOf(level) >= 3) this.logged.push({ level, details, text });
        if (process.env.BAILEYS_LOG) {
          appendFileSync(`${this.folder}.log`, `${level} ${text} ${print(details)}\n`);
        }
      };
    }
    return logger;
  }
}

function print(details) {
  if (details instanceof Error) return details.stack;
  return JSON.stringify(details, (_, value) => (value instanceof Error ? value.stack : value));
}

// Returns the text of a message as Baileys passes it to an application.
export function text(message) {
  const content = baileys.normalizeMessageContent(message?.message);
  return content?.conversation ?? content?.extendedTextMessage?.text;
}
