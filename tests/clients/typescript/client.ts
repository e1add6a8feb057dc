// A typed client: its operations and results are checked against schema.graphql.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { createClient } from "graphql-sse";
import { ChangesDocument, ChatsDocument, UpdateChatDocument, type UpdateChatInput } from "./made/chats.js";

declare const process: { env: Record<string, string> };

const url = process.env.CHATGRAPH_URL ?? "";
const headers = { Authorization: `Bearer ${process.env.CHATGRAPH_KEY}` };
const events = createClient({ url, headers });

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const body = JSON.stringify({ query: print(document), variables });
  const asked = { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body };
  const { data, errors } = (await (await fetch(url, asked)).json()) as { data: Data; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

async function* follow<Data, Variables extends Record<string, unknown>>(
  document: TypedDocumentNode<Data, Variables>,
  variables: Variables,
): AsyncGenerator<Data> {
  for await (const { data, errors } of events.iterate<Data>({ query: print(document), variables })) {
    if (errors || !data) throw new Error(JSON.stringify(errors));
    yield data;
  }
}

const { chats } = await ask(ChatsDocument, { first: 5, filter: { type: ["DM"], pinned: false } });
const [chat] = chats.nodes;
if (!chat) throw new Error("there is no chat");
console.log("the latest chat:", chat.name, "with", chat.lastMessage?.text?.length ?? 0, "characters");

const input: UpdateChatInput = { cid: chat.jid, archived: !chat.archived };
const updated = await ask(UpdateChatDocument, { input });
console.log("on its way to the phone:", updated.updateChat?.chat.sync.pending);

for await (const { chatChanges } of follow(ChangesDocument, { after: chats.changeCursor })) {
  const { change } = chatChanges;
  if (change?.cid !== chat.jid || !change.changed.includes("ARCHIVED")) continue;
  console.log(change.kind, "by", change.origin, change.changed);
  if (change.chat?.archived === chat.archived) throw new Error("that is what it was before");
  break;
}
events.dispose();
