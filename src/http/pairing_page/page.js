// Pairs one session: subscribes to it by server-sent events, and shows the user the next step.

const KEY = 'chatgraph.pair.token';
const SESSION = decodeURIComponent(location.pathname.split('/').pop());
const GRAPHQL = new URL('../graphql', location.href);
const FOLLOW = `subscription ($id: ID!) { sessionChanges(sessionId: $id) { session {
  label status statusReason phoneNumber pairing { qrSvg code codeExpiresAt } } } }`;
const START = 'mutation ($id: ID!) { startSession(input: {sessionId: $id}) { session { id } } }';
const ASK = `mutation ($id: ID!, $phone: String!) {
  requestPairingCode(input: {sessionId: $id, phoneNumber: $phone}) { session { id } } }`;
const VIEWS = ['sign-in', 'waiting', 'pairing', 'connected', 'down'];
const LONGEST_PAUSE = 15_000;

const element = (id) => document.getElementById(id);
const stored = () => { try { return sessionStorage.getItem(KEY); } catch { return null; } };
const store = (value) => {
  try { value ? sessionStorage.setItem(KEY, value) : sessionStorage.removeItem(KEY); } catch { /* kept in memory only */ }
};

let token = stored();
let following = null;
let view = null;
let codeEnds = null;

/** An error that a retry does not fix; `signIn` if another token may fix it. */
class Refused extends Error {
  constructor(message, signIn = false) {
    super(message);
    this.signIn = signIn;
  }
}

function show(next, title = 'Pair a phone') {
  for (const id of VIEWS) element(id).hidden = id !== next;
  element('forget').hidden = next === 'sign-in';
  element('title').textContent = title;
  document.title = `${title} · chatgraph`;
  // Moving the focus announces the new view to screen readers.
  if (view !== null && view !== next && next !== 'waiting') {
    (next === 'sign-in' ? element('token') : element('title')).focus();
  }
  view = next;
}

function wait(text) {
  element('waiting-for').textContent = text;
  show('waiting');
}

function complain(text) {
  element('problem').textContent = text ?? '';
  element('problem').hidden = !text;
}

function refusal(errors) {
  const { message, extensions } = errors[0];
  switch (extensions?.code) {
    case 'unauthorized':
      return new Refused('This token is not valid or has expired.', true);
    case 'forbidden':
      return new Refused('This token cannot pair sessions: it needs the permissions manage and events.', true);
    case 'not_found':
      return new Refused('This token’s organization has no such session. Check the URL and the token.', true);
    default:
      return new Refused(message);
  }
}

async function ask(query, variables, accept, signal) {
  const response = await fetch(GRAPHQL, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept, authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables: { id: SESSION, ...variables } }),
    cache: 'no-store',
    signal,
  });
  if (response.status === 401) throw new Refused('This token is not valid or has expired.', true);
  return response;
}

async function mutate(query, variables) {
  const response = await ask(query, variables, 'application/json');
  const { errors } = await response.json();
  if (errors) throw refusal(errors);
}

/** Yields the results of a stream of server-sent events. */
async function* results(response) {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/event-stream')) {
    const { errors } = await response.json();
    if (errors) throw refusal(errors);
    throw new Error('no stream');
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    text += value.replaceAll('\r\n', '\n');
    const events = text.split('\n\n');
    text = events.pop();
    for (const event of events) {
      const lines = event.split('\n');
      if (lines.includes('event: complete')) return;
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trim()).join('\n');
      if (data) yield JSON.parse(data);
    }
  }
}

/** Follows the session until it is deleted, the token is rejected, or another call replaces this one. */
async function follow() {
  following?.abort();
  const mine = (following = new AbortController());
  complain();
  wait('Connecting …');
  for (let pause = 500; !mine.signal.aborted; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      const response = await ask(FOLLOW, {}, 'text/event-stream', mine.signal);
      for await (const { data, errors } of results(response)) {
        if (errors) throw refusal(errors);
        complain();
        pause = 500;
        render(data.sessionChanges.session);
      }
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Refused) return giveUp(error);
    }
    if (mine.signal.aborted) return;
    wait('The server cannot be reached. Trying again …');
    await new Promise((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)));
  }
}

function giveUp(error) {
  following?.abort();
  if (error.signIn) {
    token = null;
    store(null);
    show('sign-in');
  } else {
    show(null);
  }
  complain(error.message);
}

function render(session) {
  if (!session) return giveUp(new Refused('This session was deleted.'));
  element('label').textContent = session.label ?? '';
  element('label').hidden = !session.label;
  const { status, pairing } = session;
  if (status !== 'SCAN_QR_CODE') codeEnds = null;
  switch (status) {
    case 'WORKING':
      element('account').textContent = session.phoneNumber ? ` as ${session.phoneNumber}` : '';
      return show('connected', 'Connected');
    case 'SCAN_QR_CODE':
      return pairing ? renderPairing(pairing) : wait('Waiting for a new code …');
    case 'STARTING':
      return wait('Connecting with WhatsApp …');
    default:
      element('why').textContent = reason(session);
      return show('down', status === 'STOPPED' ? 'Not running' : 'Not connected');
  }
}

function reason({ status, statusReason }) {
  if (statusReason) return `${statusReason[0].toUpperCase()}${statusReason.slice(1)}.`;
  return status === 'STOPPED' ? 'This session is stopped.' : 'This session is down.';
}

function renderPairing({ qrSvg, code, codeExpiresAt }) {
  if (qrSvg) element('qr').src = `data:image/svg+xml,${encodeURIComponent(qrSvg)}`;
  element('scan').hidden = !qrSvg || Boolean(code);
  element('typed').hidden = !code;
  element('how').textContent = code
    ? 'Choose “Link with phone number instead”, and enter this code.'
    : 'Point the phone at this code.';
  element('another').textContent = code ? 'Get another code' : 'Use the phone number instead';
  if (code && element('code').dataset.code !== code) {
    element('code').dataset.code = code;
    element('code').textContent = `${code.slice(0, 4)}-${code.slice(4)}`;
    element('code').setAttribute('aria-label', [...code].join(' '));
    element('other').open = false;
  }
  codeEnds = code ? codeExpiresAt : null;
  countDown();
  show('pairing');
}

function countDown() {
  if (codeEnds === null) return;
  const left = Math.max(0, Math.ceil((codeEnds - Date.now()) / 1000));
  const text = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`;
  element('code-ends').textContent = left > 0 ? `Valid for ${text} more.` : 'This code has expired.';
}

/** Runs a button's action, one at a time, and shows its error. */
async function press(button, work) {
  button.disabled = true;
  complain();
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused && error.signIn) giveUp(error);
    else complain(error instanceof Refused ? error.message : 'The server cannot be reached. Try again.');
  } finally {
    button.disabled = false;
  }
}

element('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  token = element('token').value.trim();
  element('token').value = '';
  store(token);
  follow();
});

element('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  const phone = element('phone').value.replace(/[^0-9]/g, '');
  press(event.submitter, () => mutate(ASK, { phone }));
});

element('start').addEventListener('click', (event) => press(event.currentTarget, () => mutate(START, {})));

element('forget').addEventListener('click', () => {
  following?.abort();
  token = null;
  store(null);
  complain();
  show('sign-in');
});

setInterval(countDown, 1000);
if (token) follow();
else show('sign-in');
