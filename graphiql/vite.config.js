// Bundles the page into dist/, which is committed and built into the server. The output must be the same on every
// machine: `scripts/check graphiql` builds it again and compares.

import { fileURLToPath } from 'node:url';
import license from 'rollup-plugin-license';
import { defineConfig } from 'vite';

/** Removes two font families, which are nine tenths of the size of GraphiQL's styles; the system's fonts are used. */
const withoutFonts = {
  postcssPlugin: 'without-fonts',
  AtRule: { 'font-face': (rule) => rule.remove() },
};

let notices;

/** Collects the licence of every package in the bundle; an unlisted licence stops the build. */
const licences = license({
  thirdParty: {
    allow: {
      test: ({ license }) => ['MIT', 'Apache-2.0', 'BSD-2-Clause', '0BSD'].includes(license),
      failOnUnlicensed: true,
      failOnViolation: true,
    },
    output: (packages) => { notices = packages.map(notice).sort().join(`\n${'-'.repeat(80)}\n\n`); },
  },
});

function notice({ name, version, license, author, licenseText, noticeText }) {
  const text = licenseText ?? `Declared as ${license}${author ? ` by ${author.text()}` : ''}; the package has no text.`;
  return [`${name} ${version} (${license})`, text.trim(), noticeText?.trim()].filter(Boolean).join('\n\n') + '\n';
}

/** Adds the licences, and the list from which the server embeds the files. */
const inventory = {
  name: 'inventory',
  enforce: 'post',
  generateBundle(_options, bundle) {
    this.emitFile({ type: 'asset', fileName: 'LICENCES.txt', source: notices });
    const files = Object.keys(bundle).sort();
    const path = (file) => (file === 'index.html' ? '/' : `/${file}`);
    const lines = files.map((file) => `    ("${path(file)}", include_bytes!("${file}")),\n`);
    this.emitFile({ type: 'asset', fileName: 'files.rs', source: `&[\n${lines.join('')}]\n` });
  },
};

export default defineConfig({
  // Relative, so that the page works under any path.
  base: './',
  esbuild: { jsx: 'automatic' },
  css: { postcss: { plugins: [withoutFonts] } },
  resolve: {
    alias: { 'react-style-singleton': fileURLToPath(new URL('src/style-singleton.js', import.meta.url)) },
  },
  plugins: [inventory],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    // No inlined resources: the page's policy allows little else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 2000,
    rollupOptions: {
      output: { inlineDynamicImports: true },
      plugins: [licences],
      onwarn(warning, warn) {
        // "use client" directives have no effect here.
        if (warning.code !== 'MODULE_LEVEL_DIRECTIVE') warn(warning);
      },
    },
  },
});
