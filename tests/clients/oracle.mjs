// Compares the program with graphql-js, the reference implementation, on random documents with variables, valid and
// invalid. Both must accept or reject each document, and return the same values in the same order. Requests go by POST,
// some on a WebSocket, and some as server-sent events.
//   node oracle.mjs PROGRAM SANDBOX [--seed N] [--documents N] [--only INDEX]
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { buildSchema, execute, GraphQLError, GraphQLSchema, parse, validate, valueFromASTUntyped, visit } from "graphql";
import { getVariableValues } from "graphql/execution/values.js";
import { document } from "./oracle/documents.mjs";
import { Fixture } from "./oracle/fixture.mjs";
import { mutated } from "./oracle/mutations.mjs";
import { random } from "./oracle/random.mjs";
import { transports } from "./oracle/transports.mjs";
import { start } from "./server.mjs";

const AT_ONCE = 8;
const TOLD = 5;
const MUTATIONS = 20;
const LATE_MS = 15_000;
// First event of every subscription.
const FIRST = { chatChanges: { __typename: "ChatChangeEvent", cursor: "cursor", change: null } };
const { positionals, values: options } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: "string" }, documents: { type: "string", default: "1500" }, only: { type: "string" } },
});
const seed = Number(options.seed ?? Math.floor(Math.random() * 2 ** 32));
const schema = withScalars(buildSchema(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf8")));
const eventSchema = new GraphQLSchema({ query: schema.getSubscriptionType(), types: Object.values(schema.getTypeMap()) });
console.log(`seed ${seed}: node oracle.mjs PROGRAM SANDBOX --seed ${seed} [--only INDEX]`);

// This many documents exceed the rate limit of one client.
process.env.CHATGRAPH_RATE_LIMIT_COST_PER_MINUTE = "0";
const server = await start(...positionals);
const seen = { valid: 0, invalid: 0, limited: 0, different: 0 };
const { post, asEvents, onSocket, close } = transports(server);
try {
  const pools = await fill();
  const fixture = new Fixture(schema, async (query, variables) => (await post({ query, variables })).answer);
  const indices = options.only ? [Number(options.only)] : [...Array(Number(options.documents)).keys()];
  let next = 0;
  const worker = async () => {
    while (next < indices.length) await compare(indices[next++], pools, fixture);
  };
  await Promise.all([...Array(AT_ONCE)].map(worker));
  if (!options.only) await mutate();
} finally {
  await close();
  await server.stop();
}
console.log(`${seen.valid} valid and ${seen.invalid} invalid requests, ${seen.limited} over a limit, ${seen.different} answers differ`);
const all = seen.valid + seen.invalid + seen.limited;
process.exitCode = seen.different === 0 && seen.limited < 0.1 * all ? 0 : 1;

// Fetches the values for arguments.
async function fill() {
  const query = `{ sessions { nodes { id } } chats(first: 30) { nodes { id jid lastMessage { id } } edges { cursor } } }`;
  const { sessions, chats } = (await post({ query })).answer.data;
  const session = sessions.nodes[0].id;
  const jids = chats.nodes.map((chat) => chat.jid).slice(0, 6);
  const messages = chats.nodes.flatMap((chat) => chat.lastMessage?.id ?? []);
  return {
    sessions: [session],
    jids: [...jids, "15550199@s.whatsapp.net"],
    ids: [session, ...chats.nodes.slice(0, 3).map((chat) => chat.id), ...messages.slice(0, 2), "nothing"],
    after: [chats.edges[1].cursor, "nonsense"],
    before: [chats.edges[3].cursor],
    search: ["a", "e", "🙂", "❤️"],
    texts: ["text"],
  };
}

async function compare(index, pools, fixture) {
  const choices = random(seed + index * 7919);
  const subscribes = choices.chance(0.05);
  let request = document(schema, pools, choices, subscribes ? "subscription" : "query");
  if (choices.chance(0.45)) request = mutated(request, choices);
  const expected = await reference(request, fixture);
  if (expected.undecided) return;
  const by = subscribes ? choices.pick([onSocket, asEvents]) : choices.pick([post, post, post, post, post, onSocket, asEvents]);
  const late = new Promise((resolve) => setTimeout(resolve, LATE_MS, { answer: { late: true } }).unref());
  const { answer, status } = await Promise.race([by(request), late]);
  if (answer.errors?.[0]?.extensions?.code === "limit_exceeded" && !("data" in answer)) {
    seen.limited += 1;
    return;
  }
  const actual = subscribes && !expected.rejected ? withoutCursor(read(answer)) : read(answer);
  if (expected.rejected) seen.invalid += 1;
  else seen.valid += 1;
  const isAnswered = expected.rejected ? actual.rejected : isSame(actual, expected.answer);
  const isStatus = by !== post || status === (expected.rejected ? 400 : 200);
  const isFormed = !actual.rejected || answer.errors.every(({ message }) => !message.includes("\n"));
  if (isAnswered && isStatus && isFormed) return;
  seen.different += 1;
  if (seen.different > TOLD) return;
  console.error(`--- ${index}, by ${by.name}, status ${status}`);
  console.error(request.query.replace(/\s+/g, " "), JSON.stringify(request.variables));
  console.error("graphql-js:", expected.rejected ?? JSON.stringify(expected.answer));
  console.error("chatgraph: ", JSON.stringify(answer));
}

// Returns graphql-js's result for a request: the reason for rejection, or its answer.
async function reference({ query, variables }, fixture) {
  let parsed;
  try {
    parsed = parse(query);
  } catch (error) {
    return { rejected: error.message };
  }
  try {
    const [invalid] = validate(schema, parsed);
    if (invalid) return { rejected: invalid.message };
  } catch (error) {
    // One rule evaluates the directives of a subscription's field before the variables are known.
    return { rejected: error.message };
  }
  const operations = parsed.definitions.filter((definition) => definition.kind === "OperationDefinition");
  if (operations.length !== 1) return { rejected: "no operation is named" };
  const [operation] = operations;
  if (operation.operation === "subscription" && conditional(parsed)) return { rejected: "a root field is conditional" };
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  if (coerced.errors) return { rejected: coerced.errors[0].message };
  if (nullCondition(parsed, coerced.coerced)) return { undecided: true };
  if (operation.operation === "subscription") {
    const document = { ...parsed, definitions: parsed.definitions.map((definition) => ({ ...definition, operation: "query" })) };
    const answer = await execute({ schema: eventSchema, document, rootValue: FIRST, variableValues: variables });
    return { answer: read(answer) };
  }
  return { answer: read(await execute({ schema, document: parsed, rootValue: fixture.root, variableValues: variables })) };
}

// Returns true if a root field may be skipped, which the specification of September 2025 forbids for subscriptions.
function conditional(parsed) {
  const fragments = Object.fromEntries(parsed.definitions.map((definition) => [definition.name?.value, definition]));
  const looked = (selections) =>
    selections.some(({ kind, directives, name, selectionSet }) => {
      if (directives.length > 0) return true;
      if (kind === "Field") return false;
      return looked((kind === "FragmentSpread" ? fragments[name.value] : { selectionSet }).selectionSet.selections);
    });
  return looked(parsed.definitions.find(({ kind }) => kind === "OperationDefinition").selectionSet.selections);
}

// Returns true if a nullable variable with the value null is a condition: implementations report a field or a request
// error.
function nullCondition(parsed, variables) {
  let found = false;
  visit(parsed, {
    Directive: ({ arguments: given }) => {
      found ||= given.some(({ value }) => value.kind === "Variable" && variables[value.name.value] === null);
    },
  });
  return found;
}

// Extracts the data and the paths of errors.
function read({ data, errors }) {
  if (data === undefined && errors) return { rejected: true };
  return { data, paths: (errors ?? []).map(({ path }) => JSON.stringify(path)).sort() };
}

// Compares values, their order, and errors. Below a null, each side may report different errors of those that caused
// it, because the order of execution is arbitrary.
function isSame(actual, expected) {
  if (JSON.stringify(actual.data) !== JSON.stringify(expected.data)) return false;
  const outside = ({ data, paths }) => paths.filter((path) => !isBelowNull(data, JSON.parse(path)));
  const isTold = actual.paths.length > 0 === expected.paths.length > 0;
  return isTold && JSON.stringify(outside(actual)) === JSON.stringify(outside(expected));
}

function isBelowNull(data, path) {
  const above = path.slice(0, -1);
  return data === null || above.some((_, index) => above.slice(0, index + 1).reduce((value, key) => value?.[key], data) === null);
}

// Replaces the cursor of an event, which is different each time.
function withoutCursor(answer) {
  const [[key, event]] = Object.entries(answer.data ?? { none: null });
  if (event === null) return answer;
  const fields = Object.entries(event).map(([name, value]) => [name, value === null || value === FIRST.chatChanges.__typename ? value : "cursor"]);
  return { ...answer, data: { [key]: Object.fromEntries(fields) } };
}

// Sends several mutations in one document: each response key is executed once, skipped ones never.
async function mutate() {
  for (let index = 0; index < MUTATIONS; index += 1) {
    const choices = random(seed + index * 104_729);
    const fragments = [];
    const parts = [...Array(2 + choices.below(4))].map(() => {
      const directive = choices.pick(["", "", " @skip(if: $yes)", " @include(if: $no)", " @skip(if: $no)", " @include(if: $given)"]);
      const fields = choices.pick(["session { id }", "session { status ...S }", "session { label }", "session { id @skip(if: $yes) }"]);
      const one = `${choices.pick(["", "a: ", "b: "])}createSession(input: {label: "oracle"})${directive} { ${fields} }`;
      if (choices.chance(0.3)) return `... on Mutation${choices.pick(["", " @include(if: $yes)", " @include(if: $no)"])} { ${one} }`;
      if (choices.chance(0.7)) return one;
      fragments.push(`fragment M${fragments.length} on Mutation { ${one} }`);
      return `...M${fragments.length - 1}`;
    });
    const query = `mutation($yes: Boolean = true, $no: Boolean! = false, $given: Boolean!) {
      ${parts.join(" ")} ... @include(if: $given) { __typename @skip(if: $no) ...U @include(if: $yes) }
      createSession(input: {label: "oracle"}) @include(if: $no) { session { ...S } } }
      ${fragments.join("\n")} fragment U on Mutation { __typename } fragment S on Session { label jid }`;
    const variables = { given: choices.chance(0.5) };
    const [invalid] = validate(schema, parse(query));
    if (invalid) throw invalid;
    let made = 0;
    const session = { id: "id", status: "STOPPED", label: "oracle", jid: null };
    const rootValue = { createSession: () => ((made += 1), { session }) };
    const expected = await execute({ schema, document: parse(query), rootValue, variableValues: variables });
    const before = await sessions();
    const { answer } = await post({ query, variables });
    const after = await sessions();
    const written = (data) => JSON.stringify(data, (key, value) => (key === "id" ? "id" : value));
    const isSame = written(answer.data) === written(expected.data) && after.length - before.length === made;
    seen.valid += 1;
    if (!isSame && (seen.different += 1) <= TOLD) {
      console.error(`--- mutation ${index}: ${after.length - before.length} made, not ${made}`);
      console.error(query, JSON.stringify(variables), "\ngraphql-js:", written(expected), "\nchatgraph: ", written(answer));
    }
    for (const id of after.filter((id) => !before.includes(id))) {
      await post({ query: "mutation($id: ID!) { deleteSession(input: {sessionId: $id}) { deletedSessionId } }", variables: { id } });
    }
  }
}

async function sessions() {
  return (await post({ query: "{ sessions(first: 200) { nodes { id } } }" })).answer.data.sessions.nodes.map(({ id }) => id);
}

// Adds the validation of the schema's own scalars; see their descriptions.
function withScalars(built) {
  const checks = {
    JID: (value) => typeof value === "string" && /^[0-9]+@(s\.whatsapp\.net|lid|g\.us|newsletter|broadcast)$/.test(value),
    Timestamp: (value) => Number.isInteger(value) && value >= 0 && value <= 253_402_300_799_999,
  };
  for (const [name, check] of Object.entries(checks)) {
    const scalar = built.getType(name);
    scalar.parseValue = (value) => {
      if (!check(value)) throw new GraphQLError(`${name} cannot be ${JSON.stringify(value)}`);
      return value;
    };
    scalar.parseLiteral = (literal) => scalar.parseValue(valueFromASTUntyped(literal));
  }
  return built;
}
