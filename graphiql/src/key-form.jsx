import { useId } from 'react';

/** Asks for the API key before GraphiQL sends its first request; `onKey` gets an empty one for "later". */
export function KeyForm({ onKey }) {
  const field = useId();
  const submit = (event) => {
    event.preventDefault();
    onKey(new FormData(event.currentTarget).get('key').trim());
  };
  return (
    <form className="key-form" onSubmit={submit}>
      <h1>chatgraph</h1>
      <label htmlFor={field}>API key or access token</label>
      <input id={field} name="key" type="password" autoComplete="off" spellCheck="false" required autoFocus />
      <p>This browser tab keeps it until you close it. The operator creates keys with <code>chatgraph key create</code>.</p>
      <button type="submit">Continue</button>
      <button type="button" onClick={() => onKey('')}>Enter it later</button>
    </form>
  );
}
