// Sends a request to the server and returns its first answer, by each transport.
import { createClient } from "graphql-ws";
import WebSocket from "ws";

const MEDIA = "application/graphql-response+json";

export function transports(server) {
  const authorization = `Bearer ${server.key}`;
  const socket = createClient({
    url: server.url.replace("http", "ws"),
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    lazy: false,
  });

  async function post(body) {
    const headers = { "content-type": "application/json", accept: MEDIA, authorization };
    const response = await fetch(server.url, { method: "POST", headers, body: JSON.stringify(body) });
    return { answer: await response.json(), status: response.status };
  }

  async function asEvents(body) {
    const stop = new AbortController();
    const headers = { "content-type": "application/json", accept: "text/event-stream", authorization };
    const response = await fetch(server.url, { method: "POST", headers, body: JSON.stringify(body), signal: stop.signal });
    if (!response.headers.get("content-type").includes("event-stream")) return { answer: await response.json(), status: response.status };
    let text = "";
    try {
      for await (const chunk of response.body) {
        text += Buffer.from(chunk).toString();
        const next = text.split(/\r?\n\r?\n/).slice(0, -1).find((event) => event.includes("event: next"));
        const data = next && /^data: (.*)$/m.exec(next);
        if (data) return { answer: JSON.parse(data[1]), status: response.status };
      }
      return { answer: { ended: text }, status: response.status };
    } finally {
      stop.abort();
    }
  }

  function onSocket(body) {
    return new Promise((resolve) => {
      const told = (answer) => {
        resolve({ answer });
        end?.();
      };
      let end;
      end = socket.subscribe(body, {
        next: told,
        error: (errors) => told({ errors: Array.isArray(errors) ? errors : [{ message: String(errors) }] }),
        complete: () => told({ ended: true }),
      });
    });
  }

  return { post, asEvents, onSocket, close: () => socket.dispose() };
}
