/** The style of the page: one column on phones, with the list of calls beside it on wide screens. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c2024, #e6e8eb); --soft: light-dark(#5b626a, #a0a7b0);
  --paper: light-dark(#fff, #14171a); --tint: light-dark(#f3f5f7, #1d2226); --line: light-dark(#dde1e6, #333a41);
  --link: light-dark(#0b5cad, #7db8f5); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--link); }
main, nav { padding: 1rem; overflow-wrap: anywhere; }
main { max-width: 56rem; }
nav ul { list-style: none; margin: 0 0 1rem; padding: 0; }
nav li { padding: .25rem 0; }
nav p { margin: 0; font-weight: 600; }
h1, h2, h3, h4 { line-height: 1.25; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
h3 { margin-top: 2.5rem; font-size: 1.1rem; }
h4 { margin: 1.25rem 0 .25rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; }
code { background: var(--tint); padding: .1em .25em; border-radius: 3px; }
pre { background: var(--tint); border: 1px solid var(--line); border-radius: 6px; padding: .75rem; overflow-x: auto;
  overflow-wrap: normal; }
pre code { background: none; padding: 0; }
table { border-collapse: collapse; width: 100%; }
td { border-top: 1px solid var(--line); padding: .4rem .75rem .4rem 0; vertical-align: top; }
td:first-child { width: 30%; }
td small, .soft { color: var(--soft); }
details { border-top: 1px solid var(--line); padding: .5rem 0; }
summary { cursor: pointer; }
summary p { display: inline; }
@media (min-width: 64rem) {
  body { display: grid; grid-template-columns: 20rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border-right: 1px solid var(--line); }
}
@media print { nav { display: none; } }
`;
