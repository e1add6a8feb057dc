// The page: GraphiQL with our fetcher, our examples and, in the demo, its key.

import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import 'graphiql/style.css';
import './style.css';
import { examples } from './examples.js';
import { createFetcher, lacksKey } from './fetcher.js';
import { takeInvitation } from './invitation.js';
import { KeyForm } from './key-form.jsx';
import { SchemaAsSoonAsPossible } from './schema.js';

// The contents of the editors, including tokens, survive a reload and are deleted with the browser's tab.
const storage = window.sessionStorage;
const HEADERS = 'chatgraph:headers';
const invitation = takeInvitation(window);
if (invitation) storage.clear();
const root = createRoot(document.getElementById('graphiql'));
const withKey = (key) => ({ Authorization: `Bearer ${key}` });
const known = invitation ? withKey(invitation.key) : storedHeaders();

if (known && !lacksKey(known)) {
  show(known);
} else {
  root.render(<KeyForm onKey={(key) => show(withKey(key))} />);
}

function show(firstHeaders) {
  const headers = JSON.stringify(firstHeaders, null, 2);
  root.render(
    <GraphiQL
      // GraphiQL fetches the schema before its headers editor exists, so the first request uses the default headers.
      fetcher={createFetcher(firstHeaders, (sent) => storage.setItem(HEADERS, JSON.stringify(sent)))}
      defaultHeaders={headers}
      defaultTabs={examples(invitation?.chat ?? '').map((example) => ({ ...example, headers }))}
      defaultQuery=""
      defaultEditorToolsVisibility={lacksKey(firstHeaders) ? 'headers' : 'variables'}
      shouldPersistHeaders
      showPersistHeadersSettings={false}
      storage={storage}
    >
      <GraphiQL.Logo>
        chatgraph
        <SchemaAsSoonAsPossible />
      </GraphiQL.Logo>
    </GraphiQL>,
  );
}

/** The headers of the last request before a reload. */
function storedHeaders() {
  return JSON.parse(storage.getItem(HEADERS)) ?? undefined;
}
