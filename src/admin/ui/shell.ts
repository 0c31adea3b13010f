// The page at `/`: a single file without external resources, so it works offline and behind any
// prefix. It reads the public JSON pages and computes rates in the browser.
import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { AdminResponse, AdminPage } from "../page.ts";
import type { AdminViews } from "../views.ts";
import { script } from "./script.ts";
import { style } from "./style.ts";

/** `instance` says which process this is: several look alike in tabs and bookmarks. */
const html = (instance: string) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${instance} - switchyard</title>
<link rel="icon" href="data:,">
<style>${style}</style>
<header>
  <h1>switchyard</h1>
  <span id="instance">${instance}</span>
  <span id="info"></span>
  <span id="state"></span>
</header>
<main>
  <div id="routers"><p class="quiet">Waiting for the first metrics …</p></div>
  <section>
    <h2>How does a name resolve?</h2>
    <form id="ask">
      <label>Router <select name="namespace"></select></label>
      <label>Path <input name="path" value="/svc/" size="28" required></label>
      <button>Show</button>
      <label class="wide">Dtab, instead of the router's own
        <textarea name="dtab" rows="2" placeholder="/svc => /#/io.l5d.fs ;"></textarea></label>
    </form>
    <div id="delegation" aria-live="polite"></div>
  </section>
  <section>
    <h2>Pages</h2>
    <p id="pages"></p>
  </section>
</main>
<script>${script}</script>
</html>
`;

const hashOf = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const headers = {
  // Callers choose the names of services: even if one were parsed as markup, it could not run.
  "content-security-policy": [
    "default-src 'none'",
    "connect-src 'self'",
    "img-src data:",
    `style-src ${hashOf(style)}`,
    `script-src ${hashOf(script)}`,
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
};

export function uiPages(views: AdminViews): readonly AdminPage[] {
  const page = (): AdminResponse => ({
    status: 200,
    contentType: "text/html; charset=utf-8",
    body: html(escape(instanceOf(views))),
    headers,
  });
  return [{ path: "/", category: "ui", get: page }];
}

/** Such as `outgoing, incoming on node-7`. */
function instanceOf(views: AdminViews): string {
  const labels = views.policies().map(({ router }) => router);
  return labels.length === 0 ? hostname() : `${labels.join(", ")} on ${hostname()}`;
}

const entities: Readonly<Record<string, string>> = { "<": "&lt;", ">": "&gt;", "&": "&amp;" };

function escape(text: string): string {
  return text.replace(/[<>&]/g, (character) => entities[character] ?? "");
}
