// One change to a document or its variables that probably violates a rule; a validator decides.
import { Kind, parse, print, visit } from "graphql";

const name = (value) => ({ kind: Kind.NAME, value });
const variable = (value) => ({ kind: Kind.VARIABLE, name: name(value) });
const field = (value, rest = {}) => ({ kind: Kind.FIELD, name: name(value), ...rest });
const int = (value) => ({ kind: Kind.INT, value });
const text = (value) => ({ kind: Kind.STRING, value });
const argument = (of, value) => ({ kind: Kind.ARGUMENT, name: name(of), value });
const directive = (of, args) => ({ kind: Kind.DIRECTIVE, name: name(of), arguments: args });
const set = (...selections) => ({ kind: Kind.SELECTION_SET, selections });
const inline = (on, ...selections) => ({
  kind: Kind.INLINE_FRAGMENT,
  typeCondition: on && { kind: Kind.NAMED_TYPE, name: name(on) },
  selectionSet: set(...selections),
});
const wrongValues = [int("1"), int("99999999999"), text("text"), { kind: Kind.FLOAT, value: "1.5" },
  { kind: Kind.BOOLEAN, value: true }, { kind: Kind.NULL }, { kind: Kind.ENUM, value: "LOUD" },
  { kind: Kind.ENUM, value: "RECENT" }, { kind: Kind.LIST, values: [{ kind: Kind.NULL }] }, variable("nowhere"),
  { kind: Kind.LIST, values: [{ kind: Kind.LIST, values: [] }] },
  { kind: Kind.OBJECT, fields: [] },
  { kind: Kind.OBJECT, fields: [{ kind: Kind.OBJECT_FIELD, name: name("colour"), value: int("1") }] }];
const types = ["Int", "String", "Boolean", "ID", "JID", "Timestamp", "ChatOrder", "ChatFilter", "[ID!]", "[ID!]!", "Int!",
  "Chat", "Nothing", "[Int]", "String!", "[ChatType!]"];

const operations = [
  [Kind.FIELD, (node, choices) => ({ ...node, name: name(choices.pick(["id", "name", "nothing", "nodes", "__typename"])) })],
  [Kind.FIELD, (node, choices) => ({ ...node, alias: name(choices.pick(["id", "a", "nodes", "x"])) })],
  [Kind.FIELD, (node) => ({ ...node, selectionSet: node.selectionSet ? undefined : set(field("id")) })],
  [Kind.FIELD, (node) => ({ ...node, arguments: node.arguments.slice(1) })],
  [Kind.FIELD, (node, choices) => ({ ...node, arguments: [...node.arguments, argument(choices.pick(["first", "colour", "id", "if"]), choices.pick(wrongValues))] })],
  [Kind.FIELD, (node) => ({ ...node, arguments: [...node.arguments, ...node.arguments.slice(0, 1)] })],
  [Kind.FIELD, (node, choices) => ({ ...node, directives: [...node.directives, directive(choices.pick(["skip", "include", "defer", "deprecated"]), [])] })],
  [Kind.FIELD, (node, choices) => ({ ...node, directives: [...node.directives, ...[1, 2].map(() => directive("skip", [argument("if", choices.pick(wrongValues))]))] })],
  [Kind.FIELD, (node, choices) => ({ ...node, directives: [...node.directives, directive("include", [argument("if", choices.pick([variable("v0"), variable("c0"), variable("v1"), text("true")]))])] })],
  [Kind.SELECTION_SET, (node, choices) => ({ ...node, selections: [...node.selections, choices.pick(node.selections), field("id", { alias: name("name") })] })],
  [Kind.SELECTION_SET, (node, choices) => ({ ...node, selections: [...node.selections, inline(choices.pick(["Chat", "Session", "Int", "Node", "ChatFilter", "Nothing", "Query", undefined]), field("id"))] })],
  [Kind.SELECTION_SET, (node, choices) => ({ ...node, selections: [...node.selections, inline(undefined, { ...choices.pick(node.selections), arguments: [argument("first", int("7"))] })] })],
  [Kind.SELECTION_SET, (node) => ({ ...node, selections: [...node.selections, { kind: Kind.FRAGMENT_SPREAD, name: name("Nowhere") }] })],
  [Kind.FRAGMENT_DEFINITION, (node) => ({ ...node, selectionSet: set(...node.selectionSet.selections, { kind: Kind.FRAGMENT_SPREAD, name: node.name }) })],
  [Kind.FRAGMENT_DEFINITION, (node, choices) => ({ ...node, typeCondition: { kind: Kind.NAMED_TYPE, name: name(choices.pick(["Chat", "Session", "Node", "Int", "Nothing"])) } })],
  [Kind.FRAGMENT_DEFINITION, (node) => ({ ...node, name: name("Renamed") })],
  [Kind.ARGUMENT, (node, choices) => ({ ...node, value: choices.pick(wrongValues) })],
  [Kind.ARGUMENT, (node, choices) => ({ ...node, value: variable(choices.pick(["v0", "v1", "v2", "c0", "c1"])) })],
  [Kind.ARGUMENT, (node) => ({ ...node, name: name("colour") })],
  [Kind.OBJECT_FIELD, (node, choices) => ({ ...node, value: choices.pick(wrongValues) })],
  [Kind.OBJECT_FIELD, (node, choices) => ({ ...node, value: variable(choices.pick(["v0", "v1", "v2", "c0"])) })],
  [Kind.OBJECT, (node, choices) => ({ ...node, fields: [...node.fields, ...(node.fields.length && choices.chance(0.5) ? node.fields.slice(0, 1) : [{ kind: Kind.OBJECT_FIELD, name: name("colour"), value: int("1") }])] })],
  [Kind.LIST, (node, choices) => ({ ...node, values: [...node.values, choices.pick(wrongValues)] })],
  [Kind.LIST, (node, choices) => ({ ...node, values: [...node.values, variable(choices.pick(["v0", "v1", "c0"]))] })],
  [Kind.VARIABLE_DEFINITION, (node, choices) => ({ ...node, type: choices.pick(types.map(typeOf)) })],
  [Kind.VARIABLE_DEFINITION, (node, choices) => ({ ...node, defaultValue: choices.pick(wrongValues.filter((value) => value.kind !== Kind.VARIABLE)) })],
  [Kind.VARIABLE_DEFINITION, (node) => ({ ...node, variable: variable("renamed") })],
  [Kind.OPERATION_DEFINITION, (node) => ({ ...node, variableDefinitions: [...node.variableDefinitions, ...node.variableDefinitions.slice(0, 1)] })],
  [Kind.OPERATION_DEFINITION, (node) => ({ ...node, directives: [directive("skip", [argument("if", { kind: Kind.BOOLEAN, value: false })])] })],
  [Kind.OPERATION_DEFINITION, (node, choices) => ({ ...node, operation: choices.pick(["mutation", "query"]) })],
  [Kind.DOCUMENT, (node, choices) => ({ ...node, definitions: [...node.definitions, choices.pick(node.definitions)] })],
  [Kind.DOCUMENT, (node) => ({ ...node, definitions: node.definitions.slice(0, -1) })],
  [Kind.DOCUMENT, (node, choices) => ({ ...node, definitions: [...node.definitions, parse(choices.pick(["{ viewer { kind } }", "query Other { viewer { kind } }", "fragment Unused on Chat { id }", "type A { b: Int }"])).definitions[0]] })],
];

function typeOf(written) {
  return parse(`query($a: ${written}) { a }`).definitions[0].variableDefinitions[0].type;
}

export function mutated({ query, variables }, choices) {
  if (choices.chance(0.12)) return { query: damaged(query, choices), variables };
  if (choices.chance(0.25) && Object.keys(variables).length) return { query, variables: otherVariables(variables, choices) };
  const document = parse(query);
  const fitting = operations.filter(([kind]) => count(document, kind) > 0);
  const [kind, change] = choices.pick(fitting);
  const chosen = choices.below(count(document, kind));
  let at = -1;
  const changed = visit(document, {
    [kind]: { leave: (node) => ((at += 1) === chosen ? change(node, choices) : undefined) },
  });
  return { query: print(changed), variables };
}

function count(document, kind) {
  let found = 0;
  visit(document, { [kind]: () => void (found += 1) });
  return found;
}

// Removes, adds or replaces a character.
function damaged(query, choices) {
  const at = choices.below(query.length);
  const other = choices.pick(["", "{", "}", "(", ")", "\"", "$", "@", "...", "!", ":", "[", "#", "\\", "\u0000", "é", "0"]);
  return query.slice(0, at) + other + query.slice(at + choices.below(2));
}

function otherVariables(variables, choices) {
  const values = [null, 1, 2.0, 1.5, 99_999_999_999, -1, "text", "RECENT", true, [], [null], [["x"]], {}, { colour: 1 },
    { archived: "yes" }, { type: "DM" }, { type: ["DM", null] }, { search: 1 }, { cid: null }, "1@lid"];
  const chosen = choices.pick(Object.keys(variables));
  if (choices.chance(0.2)) return Object.fromEntries(Object.entries(variables).filter(([key]) => key !== chosen));
  return { ...variables, [chosen]: choices.pick(values), unknown: choices.pick(values) };
}
