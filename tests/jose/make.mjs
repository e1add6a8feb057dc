// Creates the keys and tokens for the tests of login tokens with an independent implementation, jose
// (https://github.com/panva/jose). Node's own cryptography signs the tokens that jose refuses to create.
//   npm ci && node make.mjs > tokens.json
// Every run creates new keys. The output is committed, so the tests need neither Node nor the network. The keys are for
// tests alone and give no access.
import { createHmac, generateKeyPairSync, sign as signBytes } from "node:crypto";
import { SignJWT, exportJWK, exportPKCS8, generateKeyPair } from "jose";

const ISSUER = "https://login.example.org";
const AUDIENCE = "chatgraph";
// First second of the years 2100 and 2000.
const LATER = 4102444800;
const BEFORE = 946684800;

const ALGORITHMS = ["EdDSA", "ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];
const claims = {
  iss: ISSUER, aud: AUDIENCE, sub: "user_1", exp: LATER, iat: BEFORE, nbf: BEFORE,
  activeOrganizationId: "org_1", orgRole: "owner", role: "user",
};
const without = (name) => Object.fromEntries(Object.entries(claims).filter(([claim]) => claim !== name));
const encode = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

const keys = {};
for (const alg of ALGORITHMS) {
  const pair = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(pair.publicKey)), kid: alg, alg, use: "sig" };
  keys[alg] = { ...pair, jwk };
}
const next = await generateKeyPair("EdDSA", { extractable: true });
const stranger = await generateKeyPair("EdDSA", { extractable: true });
const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });

const token = (payload, header = {}, key = keys.EdDSA.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ alg: "EdDSA", kid: "EdDSA", typ: "JWT", ...header }).sign(key);
// Signs a token without any checks.
const raw = (header, payload, sign) => {
  const message = `${encode(header)}.${encode(payload)}`;
  return `${message}.${sign(Buffer.from(message)).toString("base64url")}`;
};
const byNode = (message) => signBytes(null, message, keys.EdDSA.privateKey);
const header = { alg: "EdDSA", kid: "EdDSA", typ: "JWT" };

const good = {};
for (const alg of ALGORITHMS) good[alg] = await token(claims, { alg, kid: alg }, keys[alg].privateKey);
const [first, payload, signature] = good.EdDSA.split(".");

const accepted = {
  ...good,
  "one of several audiences": await token({ ...claims, aud: ["other", AUDIENCE] }),
  "a fraction of a second": await token({ ...claims, exp: LATER + 0.5 }),
  "no type": await token(claims, { typ: undefined }),
  "a type in lower case": await token(claims, { typ: "jwt" }),
  "no time to begin": await token(without("nbf")),
  "no key's name among several": await token(claims, { kid: undefined }),
};

const refused = {
  "expired": await token({ ...claims, exp: BEFORE }),
  "not yet": await token({ ...claims, nbf: LATER - 1 }),
  "a time to begin that is text": raw(header, { ...claims, nbf: "0" }, byNode),
  "no expiry": await token(without("exp")),
  "an expiry that is text": raw(header, { ...claims, exp: String(LATER) }, byNode),
  "no issuer": await token(without("iss")),
  "another issuer": await token({ ...claims, iss: "https://evil.example" }),
  "a list of issuers": raw(header, { ...claims, iss: [ISSUER] }, byNode),
  "no audience": await token(without("aud")),
  "another audience": await token({ ...claims, aud: "other" }),
  "an audience that contains ours": await token({ ...claims, aud: `${AUDIENCE}-other` }),
  "no subject": await token(without("sub")),
  "an empty subject": await token({ ...claims, sub: "" }),
  "a subject that is a number": raw(header, { ...claims, sub: 1 }, byNode),
  "an organization that is none": await token({ ...claims, activeOrganizationId: "a b" }),
  "an organization that is a list": await token({ ...claims, activeOrganizationId: ["org_1"] }),
  "an access token": await token(claims, { typ: "at+jwt" }),
  "a critical extension": raw({ ...header, crit: ["exp"], exp: LATER }, claims, byNode),
  "an empty list of critical extensions": raw({ ...header, crit: [] }, claims, byNode),
  "an unencoded payload": raw({ ...header, b64: false, crit: ["b64"] }, claims, byNode),
  "another key's name": await token(claims, { kid: "ES256" }),
  "an unknown key": await token(claims, { kid: "unknown" }),
  "a key's name that is a number": raw({ ...header, kid: 1 }, claims, byNode),
  "a stranger's key": await token(claims, {}, stranger.privateKey),
  "a key of its own": await token(claims, { jwk: await exportJWK(stranger.publicKey) }, stranger.privateKey),
  "no signature": `${encode({ alg: "none", kid: "EdDSA" })}.${payload}.${encode("x")}`,
  "no algorithm": raw({ kid: "EdDSA", typ: "JWT" }, claims, byNode),
  "the public key as a secret": raw({ alg: "HS256", kid: "RS256", typ: "JWT" }, claims, (message) =>
    createHmac("sha256", JSON.stringify(keys.RS256.jwk)).update(message).digest()),
  "the modulus as a secret": raw({ alg: "HS256", kid: "RS256", typ: "JWT" }, claims, (message) =>
    createHmac("sha256", Buffer.from(keys.RS256.jwk.n, "base64url")).update(message).digest()),
  "a symmetric key": await new SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: "oct" }).sign(new Uint8Array(32)),
  "an RSA key of 1024 bits": raw({ alg: "RS256", kid: "weak", typ: "JWT" }, claims, (message) =>
    signBytes("sha256", message, weak.privateKey)),
  "the other padding of the same key": await token(claims, { alg: "PS256", kid: "RS256" },
    await crypto.subtle.importKey("pkcs8", Buffer.from((await exportPKCS8(keys.RS256.privateKey)).replace(/-----[^-]+-----|\s/g, ""), "base64"),
      { name: "RSA-PSS", hash: "SHA-256" }, false, ["sign"])),
  "other claims": `${first}.${encode({ ...claims, sub: "user_2" })}.${signature}`,
  "another header": `${encode({ ...header, x: 1 })}.${payload}.${signature}`,
  "half a signature": `${first}.${payload}.${signature.slice(0, 43)}`,
  "a padded signature": `${first}.${payload}.${signature}==`,
  "claims that are a list": raw(header, [claims], byNode),
  "claims that are no JSON": raw(header, "claims", byNode),
  "a header that is no JSON": raw("header", claims, byNode),
  "over 8 KiB": await token({ ...claims, more: "x".repeat(6200) }),
};

const roles = {};
const all = ["READ", "SEND", "MANAGE", "EVENTS"];
const member = ["READ", "SEND", "EVENTS"];
for (const [name, changed, organizationId, role, capabilities] of [
  ["owner", { orgRole: "owner" }, "org_1", "owner", all],
  ["admin", { orgRole: "admin" }, "org_1", "admin", all],
  ["member", { orgRole: "member" }, "org_1", "member", member],
  ["a platform's admin", { orgRole: undefined, role: "super_admin" }, "org_1", "super_admin", all],
  ["a member who is the platform's admin", { orgRole: "member", role: "super_admin" }, "org_1", "super_admin", all],
  ["a platform's admin without an organization", { activeOrganizationId: null, orgRole: undefined, role: "super_admin" }, null, "super_admin", []],
  ["an owner without an organization", { activeOrganizationId: undefined }, null, "owner", []],
  ["an unknown role", { orgRole: "guest" }, "org_1", "guest", []],
  ["a role in capitals", { orgRole: "OWNER" }, "org_1", "OWNER", []],
  ["a role in a list", { orgRole: ["owner"] }, "org_1", null, []],
  ["no role", { orgRole: undefined, role: undefined }, "org_1", null, []],
  ["an owner's role above all organizations", { orgRole: undefined, role: "owner" }, "org_1", null, []],
  ["a platform's role in the organization", { orgRole: "super_admin" }, "org_1", "super_admin", []],
]) {
  roles[name] = { token: await token({ ...claims, ...changed }), viewer: { kind: "USER", organizationId, userId: "user_1", role, capabilities } };
}

const renamed = { iss: ISSUER, aud: AUDIENCE, sub: "user_1", exp: LATER, org: "org_1", "https://example.org/role": "chief", staff: "root" };
const jwks = (...list) => ({ keys: list });
const nextJwk = { ...(await exportJWK(next.publicKey)), kid: "next" };
const unusable = [
  { kty: "oct", kid: "oct", k: encode(Buffer.alloc(32)), alg: "HS256" },
  { ...weak.publicKey.export({ format: "jwk" }), kid: "weak", alg: "RS256" },
];
console.log(JSON.stringify({
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks: jwks(...ALGORITHMS.map((alg) => keys[alg].jwk), ...unusable),
  jwksOfOne: jwks(keys.EdDSA.jwk),
  jwksAfterRotation: jwks(keys.EdDSA.jwk, nextJwk),
  nextJwks: jwks(nextJwk),
  unusableJwks: jwks(...unusable),
  accepted,
  refused,
  roles,
  renamed: await token(renamed),
  renamedMember: await token({ ...renamed, "https://example.org/role": "hand" }),
  renamedPlatformAdmin: await token({ ...renamed, "https://example.org/role": undefined, staff: "root" }),
  withoutKeyName: await token(claims, { kid: undefined }),
  nextToken: await token(claims, { kid: "next" }, next.privateKey),
  newOrganization: await token({ ...claims, activeOrganizationId: "org_new" }),
  // The tests themselves sign tokens that expire soon, in the same form.
  privateKey: (await exportPKCS8(keys.EdDSA.privateKey)).replace(/-----[^-]+-----|\s/g, ""),
}, null, 1));
