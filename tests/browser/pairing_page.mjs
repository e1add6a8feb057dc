// Pairs a session on the page in a real browser, as a user does, and reports errors.
//   npm install --no-save puppeteer-core && node pairing_page.mjs FOLDER-OF-THE-PROGRAMS [FOLDER FOR SCREENSHOTS]

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const scratch = mkdtempSync(join(tmpdir(), 'pair-'));
const [programs = '../../target/debug', folder = scratch] = process.argv.slice(2);
const database = `sqlite:${join(scratch, 'chatgraph.db')}`;
const PHONE = '15550100001';

/** Starts a program, and waits until it has said this. */
async function start(program, args, ...patterns) {
  const child = spawn(join(programs, program), args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const found = [];
  await new Promise((ready) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on('line', (line) => {
        patterns.forEach((pattern, index) => { found[index] ??= line.match(pattern)?.[1]; });
        if (patterns.every((_, index) => found[index])) ready();
      });
    }
  });
  return [child, ...found];
}

const [phones, sandbox, sandboxKey] = await start(
  'chatgraph-sandbox', [], /(http:\/\/127\.0\.0\.1:\d+)/, /\b([A-Za-z0-9_-]{43})\b/);
const [server, address] = await start('chatgraph', [
  'serve', '--listen', '127.0.0.1:0', '--database', database, '--sandbox-url', sandbox, '--sandbox-key', sandboxKey,
], /Serving address=([\d.:]+)/);
const run = (...args) => execFileSync(join(programs, 'chatgraph'), [...args, '--database', database]).toString().trim();
const key = run('key', 'create', '--organization', 'acme');
const reader = run('key', 'create', '--organization', 'acme', '--permission', 'read');
const listener = run('key', 'create', '--organization', 'acme', '--permission', 'read', '--permission', 'events');
const stranger = run('key', 'create', '--organization', 'other');

async function post(url, body, headers = {}) {
  const answer = await fetch(url, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers },
  });
  return answer.json();
}
const graphql = (query) => post(`http://${address}/graphql`, { query }, { authorization: `Bearer ${key}` });
const phone = (what, body) => post(`${sandbox}/accounts/${PHONE}/${what}`, body);

await post(`${sandbox}/accounts`, { phone: PHONE, name: 'Ada' });
const made = await graphql('mutation { createSession(input: {label: "Front desk"}) { session { id } } }');
const session = made.data.createSession.session.id;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  defaultViewport: { width: 900, height: 820 },
});
const complaints = [];

async function open(id, { dark = false, narrow = false } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
  if (narrow) await page.setViewport({ width: 360, height: 740, deviceScaleFactor: 2 });
  // A rejected token is an expected response.
  page.on('console', (message) => message.type() === 'error' && !message.text().includes('401') && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => {
    if (request.url().includes(key)) complaints.push('the token is in an address');
    if (!request.url().startsWith(`http://${address}/`) && !request.url().startsWith('data:')) complaints.push(`asked ${request.url()}`);
  });
  await page.goto(`http://${address}/pair/${id}`);
  return page;
}

async function signIn(page, token) {
  await page.waitForSelector('#token', { visible: true });
  await page.type('#token', token);
  await page.click('#sign-in button');
}

const shows = (page, id, text = '') => page.waitForFunction(
  (wanted, content) => !document.getElementById(wanted).hidden && document.getElementById(wanted).innerText.includes(content),
  { timeout: 20_000 }, id, text);
const picture = (page, name) => page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });

async function step(name, work) {
  await work();
  console.log(`ok  ${name}`);
}

const page = await open(session);
const small = await open(session, { dark: true, narrow: true });
await step('an invalid token, one without the permissions, and one of another organization are rejected with a message', async () => {
  await picture(page, 'sign-in');
  for (const [token, told] of [
    ['nonsense', 'not valid'], [reader, 'manage and events'], [stranger, 'no such session'],
  ]) {
    await signIn(page, token);
    await shows(page, 'problem', told);
    await shows(page, 'sign-in');
  }
  await picture(page, 'refused');
  const unknown = await open('ses_01ARZ3NDEKTSV4RRFFQ69G5FAV');
  await signIn(unknown, key);
  await shows(unknown, 'problem', 'no such session');
});
await step('a stopped session is started', async () => {
  await signIn(page, key);
  await shows(page, 'down', 'stopped');
  await picture(page, 'stopped');
  await page.click('#start');
  await shows(page, 'pairing', 'Point the phone');
  const drawn = await page.$eval('#qr', async (image) => { await image.decode(); return image.naturalWidth; });
  assert(drawn >= 200, `the picture is ${drawn} wide`);
  await picture(page, 'qr');
});
await step('a token that may not see the code is told so', async () => {
  const other = await open(session);
  await signIn(other, listener);
  await shows(other, 'problem', 'manage and events');
});
await step('a reload keeps the token in the tab', async () => {
  await page.reload();
  await shows(page, 'pairing', 'Point the phone');
});
await step('a wrong number and a right one', async () => {
  await signIn(small, key);
  await shows(small, 'pairing');
  await picture(small, 'qr-small-dark');
  await small.click('summary');
  await small.type('#phone', '+1 555 0199 999');
  await small.click('#ask button');
  await shows(small, 'problem', 'WhatsApp does not issue a pairing code');
  await picture(small, 'no-code');
  await small.$eval('#phone', (input) => { input.value = ''; });
  await small.type('#phone', '+1 (555) 010-0001');
  await small.click('#ask button');
  await shows(small, 'typed', 'Valid for');
  await picture(small, 'code-small-dark');
});
await step('the code connects, on every page that is open', async () => {
  await shows(page, 'typed');
  await picture(page, 'code');
  const code = await page.$eval('#code', (element) => element.innerText);
  const entered = await phone('enter', { code });
  assert.equal(entered.companions, 1, JSON.stringify(entered));
  for (const each of [page, small]) await shows(each, 'connected', '+15550100001');
  await picture(page, 'connected');
  await picture(small, 'connected-small-dark');
});
await step('an end is told with its reason', async () => {
  await phone('end', { kind: 'banned', seconds: 7200 });
  await shows(page, 'down', 'WhatsApp banned the account until');
  await picture(page, 'banned');
  await phone('unlink', {});
  await page.click('#start');
  await shows(page, 'down', 'no longer knows this device');
});
await step('a session that was deleted is gone', async () => {
  await graphql(`mutation { deleteSession(input: {sessionId: "${session}"}) { deletedSessionId } }`);
  await shows(page, 'problem', 'deleted');
});
await step('a token can be taken back', async () => {
  await page.click('#forget');
  await shows(page, 'sign-in');
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});
assert.deepEqual(complaints, []);
console.log(`Screenshots are in ${folder}`);
await browser.close();
server.kill();
phones.kill();
