// Tests the page in a real browser as a user would, and reports failures: see README.md.
//   npm install --no-save puppeteer-core && node try.mjs PROGRAM [FOLDER FOR SCREENSHOTS]

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import puppeteer from 'puppeteer-core';

const [program = '../target/debug/chatgraph', folder = mkdtempSync(join(tmpdir(), 'graphiql-'))] = process.argv.slice(2);
const demo = spawn(program, ['demo', '--json', '--quiet', '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'ignore'] });
const ready = JSON.parse(await new Promise((line) => createInterface(demo.stdout).once('line', line)));
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
  defaultViewport: { width: 1360, height: 820 },
});
const complaints = [];
let passed = 0;

async function open(address, features = [], onRequest = () => {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  await page.emulateMediaFeatures(features);
  page.on('console', (message) => ['error', 'warn'].includes(message.type()) && complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', onRequest);
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    if (origin !== new URL(ready.graphql).origin && !request.url().startsWith('data:')) complaints.push(`asked ${request.url()}`);
  });
  await page.evaluateOnNewDocument(() => {
    document.addEventListener('securitypolicyviolation', (violation) =>
      console.error(`policy: ${violation.violatedDirective} ${violation.blockedURI} ${violation.sourceFile}`));
  });
  await page.goto(address, { waitUntil: 'networkidle0' });
  return page;
}

async function step(name, run) {
  try {
    await run();
  } catch (failure) {
    const pages = (await Promise.all(browser.browserContexts().map((context) => context.pages()))).flat();
    await Promise.all(pages.map((page, number) => picture(page, `failed-${number}`)));
    throw failure;
  }
  passed += 1;
  console.log(`ok  ${name}`);
}

/** Waits until the response pane shows this. */
function response(page, text) {
  return page.waitForFunction(
    (wanted) => document.querySelector('.result-window .CodeMirror')?.CodeMirror.getValue().includes(wanted),
    { timeout: 20_000 }, text,
  );
}

const press = (page, label) => page.locator(`[aria-label="${label}"]`).click();
const picture = (page, name) => page.screenshot({ path: join(folder, `${name}.png`) });

/** Switches the tab, and waits until GraphiQL has parsed its contents. */
async function tab(page, name) {
  await page.evaluate((wanted) =>
    [...document.querySelectorAll('.graphiql-tab-button')].find((button) => button.textContent.includes(wanted)).click(), name);
  await page.waitForFunction(
    (wanted) => document.querySelector('.graphiql-query-editor .CodeMirror').CodeMirror.operationName === wanted,
    {}, name,
  );
}

async function run(page, operation) {
  await press(page, 'Execute query (Ctrl-Enter)');
  if (!operation) return;
  await page.waitForSelector('[role=menuitem]');
  await page.evaluate((wanted) =>
    [...document.querySelectorAll('[role=menuitem]')].find((item) => item.textContent === wanted).click(), operation);
}

try {
  const page = await open(ready.graphiql, [{ name: 'prefers-color-scheme', value: 'light' }]);
  await step('the key is filled in, and gone from the address bar', async () => {
    assert.equal(page.url(), new URL('/', ready.graphql).href);
    const headers = await page.$$eval('.graphiql-editor-tool .CodeMirror', (all) => all.map((one) => one.CodeMirror.getValue()));
    assert(headers.some((text) => text.includes(`Bearer ${ready.key}`)), headers.join());
  });
  await step('the chats are listed', async () => {
    await run(page);
    await response(page, '"nodes"');
    await picture(page, 'list');
  });
  await step('the documentation is there', async () => {
    await press(page, 'Show Documentation Explorer');
    await page.waitForFunction(() => document.querySelector('.graphiql-plugin')?.textContent.includes('Mutation'));
    await page.evaluate(() =>
      [...document.querySelectorAll('.graphiql-doc-explorer-type-name')].find((link) => link.textContent === 'Query').click());
    await page.waitForFunction(() => document.querySelector('.graphiql-plugin').textContent.includes('changeCursor') ||
      document.querySelector('.graphiql-plugin').textContent.includes('chats'));
    await picture(page, 'documentation');
    await press(page, 'Hide Documentation Explorer');
  });
  const listener = await open(ready.graphiql, [{ name: 'prefers-color-scheme', value: 'dark' }]);
  await step('a subscription starts', async () => {
    await tab(listener, 'Changes');
    await run(listener);
    await response(listener, '"change": null');
  });
  await step('a chat is archived, and the subscription publishes it', async () => {
    await tab(page, 'Archive');
    await run(page, 'Archive');
    await response(page, '"archived": true');
    await picture(page, 'archive');
    await response(listener, '"archived": true');
    await picture(listener, 'changes');
  });
  await step('a change on the phone is published as well', async () => {
    const chat = new URLSearchParams(new URL(ready.graphiql).hash.slice(1)).get('chat');
    await fetch(`${ready.sandbox}/accounts/${ready.phone}/chats/${chat}`, { method: 'POST', body: '{"archived": false}' });
    await response(listener, '"origin": "DEVICE"');
  });
  await step('the subscription is stopped', async () => {
    await press(listener, 'Stop query (Ctrl-Enter)');
    await listener.waitForSelector('[aria-label="Execute query (Ctrl-Enter)"]');
  });
  await step('a reload keeps what was typed', async () => {
    await new Promise((later) => setTimeout(later, 1_000));
    await page.reload({ waitUntil: 'networkidle0' });
    await run(page, 'Unarchive');
    await response(page, '"archived": false');
  });
  await step('the dialogs open', async () => {
    for (const name of ['Open short keys dialog', 'Open settings dialog']) {
      await press(page, name);
      await page.waitForSelector('[role=dialog]');
      await picture(page, name.split(' ')[1]);
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => !document.querySelector('[role=dialog]'));
    }
  });
  assert.deepEqual(complaints, []);
  let stranger;
  await step('without a key, the page asks for one and sends no request', async () => {
    const asked = [];
    stranger = await open(new URL('/', ready.graphql).href, [{ name: 'prefers-color-scheme', value: 'dark' }],
      (request) => request.method() === 'POST' && asked.push(request.url()));
    await stranger.waitForSelector('.key-form input:focus');
    await picture(stranger, 'key');
    await stranger.evaluate(() => [...document.querySelectorAll('button')].find((one) => one.textContent.includes('later')).click());
    await stranger.waitForSelector('[aria-label="Execute query (Ctrl-Enter)"]');
    await run(stranger);
    await response(stranger, 'Enter an API key');
    await picture(stranger, 'stranger');
    assert.deepEqual([asked, complaints], [[], []]);
  });
  await step('with a key typed into the headers, the documentation comes by itself', async () => {
    await stranger.evaluate((headers) => {
      const editors = [...document.querySelectorAll('.graphiql-editor-tool .CodeMirror')].map((one) => one.CodeMirror);
      editors.find((editor) => editor.getValue().includes('Bearer')).setValue(headers);
    }, JSON.stringify({ Authorization: `Bearer ${ready.key}` }));
    await press(stranger, 'Show Documentation Explorer');
    await stranger.waitForFunction(() => document.querySelector('.graphiql-plugin')?.textContent.includes('Mutation'));
  });
  await step('a key typed into the form is used, and a reload keeps it', async () => {
    const guest = await open(new URL('/', ready.graphql).href);
    await guest.type('.key-form input', ready.key);
    await guest.keyboard.press('Enter');
    await guest.waitForSelector('[aria-label="Execute query (Ctrl-Enter)"]');
    await run(guest);
    await response(guest, '"nodes"');
    await new Promise((later) => setTimeout(later, 1_000));
    await guest.reload({ waitUntil: 'networkidle0' });
    await run(guest);
    await response(guest, '"nodes"');
  });
  await step('a wrong key is reported as the server does', async () => {
    const guest = await open(new URL('/', ready.graphql).href);
    await guest.type('.key-form input', 'cg_wrong');
    await guest.keyboard.press('Enter');
    await guest.waitForSelector('[aria-label="Execute query (Ctrl-Enter)"]');
    await run(guest);
    await response(guest, 'a valid token is required');
    // The browser reports every answer of 401 itself.
    assert(complaints.every((complaint) => complaint.includes('401')), complaints.join('\n'));
  });
} finally {
  await browser.close();
  demo.kill();
}
console.log(`${passed} passed, 0 failed; screenshots in ${folder}`);
