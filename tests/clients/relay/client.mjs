// Relay's own runtime with the artifacts that its compiler made from chats.js and schema.graphql. It reads a page of a
// connection and the next page, and receives a mutation and a subscription by server-sent events.
import relay from "relay-runtime";
import { createClient } from "graphql-sse";
import Changes from "./made/chatsChangesSubscription.graphql.js";
import Item from "./made/chatsItem.graphql.js";
import List from "./made/chatsList.graphql.js";
import More from "./made/chatsListPaginationQuery.graphql.js";
import Page from "./made/chatsPageQuery.graphql.js";
import Refetch from "./made/chatsRefetchQuery.graphql.js";
import Update from "./made/chatsUpdateMutation.graphql.js";

const { CHATGRAPH_URL, CHATGRAPH_KEY } = process.env;
const { commitMutation, createOperationDescriptor, Environment, fetchQuery, getSelector } = relay;
const { Network, Observable, RecordSource, requestSubscription, Store } = relay;
const headers = { Authorization: `Bearer ${CHATGRAPH_KEY}` };
const events = createClient({ url: CHATGRAPH_URL, headers });

async function ask({ text }, variables) {
  const body = JSON.stringify({ query: text, variables });
  const asked = { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body };
  return (await fetch(CHATGRAPH_URL, asked)).json();
}
const follow = ({ text }, variables) => Observable.create((sink) => events.subscribe({ query: text, variables }, sink));
const environment = new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });

// Returns the store's data for a fragment in the answer.
const shown = (fragment, parent) => environment.lookup(getSelector(fragment, parent)).data;

const count = 3;
const answered = await fetchQuery(environment, Page, { count, cursor: null }).toPromise();
environment.retain(createOperationDescriptor(Page, { count, cursor: null }));
const { chats } = shown(List, answered);
const names = chats.edges.map(({ node }) => shown(Item, node).name);
console.log("a page:", names.join(", "));
if (names.length !== count || !chats.pageInfo.hasNextPage) throw new Error(JSON.stringify(chats.pageInfo));

await fetchQuery(environment, More, { count, cursor: chats.pageInfo.endCursor }).toPromise();
const longer = shown(List, answered).chats.edges;
console.log("with the page behind it:", longer.length, "chats");
if (longer.length !== 2 * count) throw new Error("the connection did not grow");

const { node } = chats.edges[0];
const before = shown(Item, node);
const changed = new Promise((resolve, reject) => {
  const following = requestSubscription(environment, {
    subscription: Changes,
    variables: { after: chats.changeCursor },
    onError: reject,
    onNext: ({ chatChanges }) => {
      const { change } = chatChanges;
      const chat = change?.chat && shown(Item, change.chat);
      if (chat?.jid !== before.jid || !change.changed.includes("ARCHIVED")) return;
      following.dispose();
      resolve(chat);
    },
  });
});
await new Promise((resolve, reject) => {
  const variables = { input: { cid: before.jid, archived: !before.archived } };
  commitMutation(environment, { mutation: Update, variables, onCompleted: resolve, onError: reject });
});
const after = shown(Item, node);
console.log(`${after.name}: archived ${before.archived}, then ${after.archived}`);
if (after.archived === before.archived) throw new Error("the store did not hear of it");
if ((await changed).archived === before.archived) throw new Error("the subscription shows it as before");

const again = await fetchQuery(environment, Refetch, { id: node.id }).toPromise();
if (shown(Item, again.node.item).jid !== before.jid) throw new Error("the id names another chat");
events.dispose();
