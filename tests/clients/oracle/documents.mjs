// Random documents with variables from the schema: mostly valid ones with fragments, aliases, merged fields, directives
// and nested inputs.
import {
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
} from "graphql";

const DEPTH = 5;
// Fields that change from one request to the next, or that need an argument without a pool of values.
const VOLATILE = new Set(["ApiKey.lastUsedAt", "Query.apiKeys"]);

export function document(schema, pools, choices, operation = "query") {
  return new Writer(schema, pools, choices).document(operation);
}

class Writer {
  constructor(schema, pools, choices) {
    Object.assign(this, { schema, pools, choices });
    this.fragments = [];
    this.definitions = [];
    this.variables = {};
    // Selection of each response key: the same in the whole document, so that any two selections of it merge.
    this.heads = new Map();
    this.left = 4 + choices.below(45);
  }

  document(operation) {
    const root = { query: this.schema.getQueryType(), subscription: this.schema.getSubscriptionType() }[operation];
    const selection = operation === "query" ? this.selection(root, 0) : this.subscription(root);
    const definitions = this.definitions.length ? `(${this.definitions.join(", ")})` : "";
    const name = this.choices.chance(0.3) ? " Generated" : "";
    const head = operation === "query" && !name && !definitions ? "" : `${operation}${name}${definitions} `;
    return { query: `${head}${selection}\n${this.fragments.join("\n")}`, variables: this.variables };
  }

  // Writes one root field, sometimes selected twice or in fragments.
  subscription(root) {
    const { choices } = this;
    const field = root.getFields().chatChanges;
    const alias = choices.chance(0.3) ? "x: " : "";
    const head = `${alias}${field.name}`;
    const parts = [...Array(1 + choices.below(2))].map(() => {
      const one = `{ ${head} ${this.selection(getNamedType(field.type), 2)} }`;
      if (choices.chance(0.3)) return `... on ${root.name} ${one}`;
      if (choices.chance(0.3)) return this.fragment(root, one);
      return one.slice(1, -1);
    });
    return `{ ${parts.join(" ")} }`;
  }

  selection(type, depth) {
    const { choices } = this;
    const parts = [];
    const again = [];
    const most = this.left > 0 ? 1 + choices.below(depth < 2 ? 3 : 5) : 1;
    for (let count = most; count > 0; count -= 1) {
      this.left -= 1;
      parts.push(this.part(type, depth, again));
    }
    return `{ ${parts.join(" ")} }`;
  }

  part(type, depth, again) {
    const { choices } = this;
    if (this.left > 0 && choices.chance(isInterfaceType(type) ? 0.6 : 0.12)) {
      const conditions = [type, ...(isInterfaceType(type) ? this.schema.getPossibleTypes(type) : type.getInterfaces())];
      const condition = choices.pick(conditions);
      const inner = this.selection(condition, depth + 1);
      if (choices.chance(0.4)) return this.fragment(condition, inner);
      const on = condition === type && choices.chance(0.5) ? "" : ` on ${condition.name}`;
      return `...${on}${this.directive(0.2)} ${inner}`;
    }
    if (choices.chance(0.08)) return "__typename";
    // Select the same field again, under the same key.
    if (again.length && choices.chance(0.25)) {
      const { head, field } = choices.pick(again);
      return this.below(head + this.directive(0.1), field, depth);
    }
    const fields = Object.values(type.getFields()).filter((field) => !VOLATILE.has(`${type.name}.${field.name}`));
    const leaves = fields.filter((field) => isLeafType(getNamedType(field.type)));
    const field = choices.pick((depth >= DEPTH || this.left <= 0) && leaves.length ? leaves : fields);
    const alias = choices.chance(0.15) ? `${choices.pick(["a_", "__", "Z"])}${field.name}: ` : "";
    // Rarely a different selection, which conflicts.
    const key = `${type.name}.${alias}${field.name}${choices.chance(0.01) ? this.left : ""}`;
    const head = this.heads.get(key) ?? `${alias}${field.name}${this.arguments(field)}`;
    this.heads.set(key, head);
    again.push({ head, field });
    return this.below(head + this.directive(0.12), field, depth);
  }

  below(head, field, depth) {
    const type = getNamedType(field.type);
    return isLeafType(type) ? head : `${head} ${depth > DEPTH + 2 ? "{ __typename }" : this.selection(type, depth + 1)}`;
  }

  fragment(type, selection) {
    const name = `F${this.fragments.length}_${this.choices.below(1e6)}`;
    this.fragments.push(`fragment ${name} on ${type.name} ${selection}`);
    const spread = `...${name}${this.directive(0.2)}`;
    return this.choices.chance(0.15) ? `${spread} ...${name}` : spread;
  }

  directive(share) {
    const { choices } = this;
    if (!choices.chance(share)) return "";
    const one = (name) => ` @${name}(if: ${this.condition()})`;
    return choices.chance(0.15) ? one("skip") + one("include") : one(choices.pick(["skip", "include"]));
  }

  condition() {
    const { choices } = this;
    if (choices.chance(0.4)) return choices.pick(["true", "false"]);
    const name = `c${this.definitions.length}`;
    const value = choices.chance(0.5);
    if (choices.chance(0.5)) {
      this.definitions.push(`$${name}: Boolean!`);
      this.variables[name] = value;
    } else {
      this.definitions.push(`$${name}: Boolean${choices.pick(["", "!"])} = ${value}`);
      if (choices.chance(0.4)) this.variables[name] = choices.chance(0.5);
    }
    return `$${name}`;
  }

  arguments(field) {
    const { choices } = this;
    const names = new Set(field.args.map((argument) => argument.name));
    const left = [];
    // One direction, and short pages: the list itself rejects most other arguments, of which a few are sent.
    const direction = choices.chance(0.75) ? ["first", "after"] : ["last", "before"];
    for (const argument of field.args) {
      const required = isNonNullType(argument.type) && argument.defaultValue === undefined;
      const paged = names.has("first") && ["first", "after", "last", "before"].includes(argument.name);
      if (paged && !direction.includes(argument.name) && !choices.chance(0.02)) continue;
      const share = argument.name === direction[0] ? 0.9 : argument.name === direction[1] ? 0.15 : 0.3;
      if (required || choices.chance(share)) left.push(`${argument.name}: ${this.value(argument.type, argument.name)}`);
    }
    return left.length ? `(${left.join(choices.pick([", ", " "]))})` : "";
  }

  // Returns a literal, or a variable with a value.
  value(type, name) {
    const { choices } = this;
    if (choices.chance(0.35)) return this.variable(type, name);
    const nullable = getNullableType(type);
    if (nullable === type && choices.chance(0.05)) return "null";
    if (isListType(nullable)) {
      if (choices.chance(0.1)) return this.value(getNullableType(nullable.ofType), name);
      const items = [...Array(choices.below(4))].map(() => this.value(nullable.ofType, name));
      return `[${items.join(", ")}]`;
    }
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields()).filter(
        (field) => (isNonNullType(field.type) && field.defaultValue === undefined) || choices.chance(0.3),
      );
      return `{${fields.map((field) => `${field.name}: ${this.value(field.type, field.name)}`).join(", ")}}`;
    }
    const plain = this.plain(nullable, name);
    return isEnumType(nullable) ? plain : this.text(plain);
  }

  text(plain) {
    if (typeof plain !== "string") return JSON.stringify(plain);
    if (this.choices.chance(0.1)) return `"""${plain}"""`;
    const escaped = [...plain].map((character) => {
      if (character.codePointAt(0) < 0xffff || !this.choices.chance(0.7)) return JSON.stringify(character).slice(1, -1);
      if (this.choices.chance(0.5)) return `\\u{${character.codePointAt(0).toString(16)}}`;
      return [...Array(2).keys()].map((at) => `\\u${character.charCodeAt(at).toString(16)}`).join("");
    });
    return `"${escaped.join("")}"`;
  }

  variable(type, argument) {
    const { choices } = this;
    const name = `v${this.definitions.length}`;
    const nullable = getNullableType(type);
    const strict = nullable !== type || choices.chance(0.2);
    let definition = `$${name}: ${nullable}${strict ? "!" : ""}`;
    let given = true;
    if (choices.chance(0.3)) {
      const literal = JSON.stringify(this.json(nullable, argument)).replace(/"([A-Za-z]\w*)":/g, "$1:");
      // An enum value in a document is not a string.
      definition += ` = ${this.hasEnum(nullable) ? literal.replace(/"([A-Z]+)"/g, "$1") : literal}`;
      given = choices.chance(0.5);
    } else if (!strict) {
      given = choices.chance(0.7);
    }
    this.definitions.push(definition);
    if (given) this.variables[name] = !strict && choices.chance(0.1) ? null : this.json(nullable, argument);
    return `$${name}`;
  }

  hasEnum(type) {
    const named = getNamedType(type);
    if (isInputObjectType(named)) return Object.values(named.getFields()).some((field) => this.hasEnum(field.type));
    return isEnumType(named);
  }

  // Returns a value as JSON.
  json(type, name) {
    const { choices } = this;
    const nullable = getNullableType(type);
    if (isListType(nullable)) {
      if (choices.chance(0.1)) return this.json(nullable.ofType, name);
      return [...Array(choices.below(4))].map(() => this.json(nullable.ofType, name));
    }
    if (isInputObjectType(nullable)) {
      const fields = Object.values(nullable.getFields()).filter(
        (field) => (isNonNullType(field.type) && field.defaultValue === undefined) || choices.chance(0.3),
      );
      return Object.fromEntries(fields.map((field) => [field.name, this.json(field.type, field.name)]));
    }
    return this.plain(nullable, name);
  }

  plain(type, name) {
    const { choices, pools } = this;
    if (isEnumType(type)) return choices.pick(type.getValues()).name;
    switch (type.name) {
      case "Boolean":
        return choices.chance(0.5);
      case "Int":
        return 1 + choices.below(3);
      case "Timestamp":
        return choices.pick([0, 1_700_000_000_000, 253_402_300_799_999]);
      case "JID":
        return choices.pick(pools.jids);
      case "ID":
        return choices.pick(name === "sessionId" ? pools.sessions : pools.ids);
      default:
        return choices.pick(pools[name] ?? pools.texts);
    }
  }
}
