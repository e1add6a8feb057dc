// Replaces react-style-singleton, with which GraphiQL's dialogs stop the page from scrolling. The original writes a
// <style> element, which the page's policy forbids; a constructed style sheet is allowed.

import { useEffect } from 'react';

/** Returns a component that applies its styles to the page while it is mounted. */
export function styleSingleton() {
  return function Sheet({ styles }) {
    useEffect(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      document.adoptedStyleSheets.push(sheet);
      return () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
      };
    }, [styles]);
    return null;
  };
}
