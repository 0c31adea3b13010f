// The style sheet of the page at `/`.
export const style = `
:root { color-scheme: light dark; --line: #8884; --quiet: #888; --good: #2a8f4f; --bad: #c9402f; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0; }
header { display: flex; flex-wrap: wrap; gap: .2em 1.2em; align-items: baseline; padding: .7em 1.4em; border-bottom: 1px solid var(--line); }
h1 { font-size: 1.2em; margin: 0; }
h2 { font-size: 1.05em; margin: 1.6em 0 .5em; }
h3 { font-size: .85em; margin: 1em 0 .2em; color: var(--quiet); text-transform: uppercase; letter-spacing: .05em; }
main { padding: 0 1.4em 3em; max-width: 72em; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25em .6em; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 500; color: var(--quiet); font-size: .85em; }
th:first-child, td:first-child { text-align: left; width: 45%; white-space: normal; overflow-wrap: anywhere; }
form { display: flex; flex-wrap: wrap; gap: .6em 1em; align-items: end; }
label { display: flex; flex-direction: column; font-size: .85em; color: var(--quiet); }
label.wide { flex-basis: 100%; }
input, select, textarea, button { font: inherit; padding: .3em .5em; }
input, textarea { font-family: ui-monospace, monospace; font-size: .9em; }
ul.tree { list-style: none; padding-left: 1.2em; margin: .2em 0; border-left: 2px solid var(--line); }
ul.tree li { margin: .25em 0 .25em .4em; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.quiet { color: var(--quiet); }
.good { color: var(--good); }
.bad { color: var(--bad); }
#pages a { display: inline-block; margin-right: 1em; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
@media (max-width: 48em) {
  header { padding: .7em .8em; }
  main { padding: 0 .8em 3em; }
  th:first-child, td:first-child { width: auto; min-width: 11em; }
  #pages a { padding: .35em 0; }
  input, select, textarea { max-width: 100%; box-sizing: border-box; }
  label.wide textarea { width: 100%; }
}
`;
