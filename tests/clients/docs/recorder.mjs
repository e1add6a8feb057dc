// A WebSocket and a fetch that record what a client sends and receives.
import WebSocket from "ws";

export function record() {
  const recorded = {
    resumed: [], // the cursors that the client resumed from, each with the last one that it had received
    changes: [], // the cursors of all changes
    first: undefined, // the cursor of the first subscription
    last: undefined, // the last cursor
    chats: new Map(), // each chat as its last change left it
    held: undefined, // a promise that the responses to mutations wait for
    reads: 0, // the number of times that the list was read
    forged: undefined, // a cursor to send in place of the client's at its next subscription
    cut: () => recorded.socket.terminate(),
    socket: undefined,
  };

  globalThis.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      recorded.socket = this;
      this.on("message", (text) => {
        const { type, payload } = JSON.parse(text);
        if (type !== "next") return;
        const { cursor, change } = payload.data.chatChanges;
        recorded.last = cursor;
        if (!change) return;
        recorded.changes.push(cursor);
        recorded.chats.set(change.chatId, change.chat);
      });
    }

    send(text, ...rest) {
      const message = JSON.parse(text);
      if (message.type === "subscribe") {
        const { variables } = message.payload;
        if (recorded.last) recorded.resumed.push({ after: variables.after, last: recorded.last });
        recorded.first ??= variables.after;
        if (recorded.forged) variables.after = recorded.forged;
        recorded.forged = undefined;
      }
      super.send(JSON.stringify(message), ...rest);
    }
  };

  globalThis.fetch = async (input, init) => {
    const body = String(init?.body);
    if (body.includes("changeCursor")) recorded.reads += 1;
    const response = await plainFetch(input, init);
    if (body.includes("updateChat")) await recorded.held;
    return response;
  };
  return recorded;
}

const plainFetch = globalThis.fetch;
