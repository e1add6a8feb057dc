// Generates the types for chats.graphql from schema.graphql.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import * as typed from "@graphql-codegen/typed-document-node";
import { parse } from "graphql";

const read = (path) => parse(readFileSync(new URL(path, import.meta.url), "utf8"));

const made = await codegen({
  filename: "chats.ts",
  schema: read("../../../schema.graphql"),
  documents: [{ location: "chats.graphql", document: read("chats.graphql") }],
  config: {
    scalars: { JID: "string", Timestamp: "number", Revision: "number" },
    strictScalars: true,
    useTypeImports: true,
    enumsAsTypes: true,
  },
  plugins: [{ operations: {} }, { typed: {} }],
  pluginMap: { operations, typed },
});
mkdirSync(new URL("made/", import.meta.url), { recursive: true });
writeFileSync(new URL("made/chats.ts", import.meta.url), made);
