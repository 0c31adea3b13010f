// The document of every page of the dashboard: its script shows what the address asks for.
import { hostname } from "node:os";
import type { AdminResponse, AdminPage } from "../page.ts";
import { text } from "../page.ts";
import type { AdminViews } from "../views.ts";
import { manifest } from "./assets.ts";

/**
 * The addresses of the pages. All are one level deep, so that relative links work from each of them
 * whatever prefix a proxy in front adds. None needs a parameter.
 */
const paths = [
  "/",
  "/server",
  "/service",
  "/client",
  "/delegator",
  "/requests",
  "/fleet",
  "/logging",
  "/config",
  "/help",
] as const;

/** For programs, which say that they do not want HTML. */
type PlainTexts = Readonly<Partial<Record<(typeof paths)[number], () => string>>>;

export function shellPages(views: AdminViews, plain: PlainTexts): readonly AdminPage[] {
  return paths.map((path) => ({
    path,
    category: "ui",
    isDocument: true,
    get: ({ headers }) => {
      const inWords = plain[path];
      const wantsHtml = headers.accept?.includes("text/html") ?? false;
      return inWords === undefined || wantsHtml ? shell(views) : text(inWords());
    },
  }));
}

const headers = {
  // Callers choose the names of services: even if one were parsed as markup, it could not run.
  "content-security-policy": [
    "default-src 'none'",
    "connect-src 'self'",
    "img-src 'self'",
    "style-src 'self'",
    "script-src 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join("; "),
  "referrer-policy": "no-referrer",
};

function shell(views: AdminViews): AdminResponse {
  const built = manifest();
  if (built === null) return text("The dashboard is not built: run `npm run build`.\n", 503);
  const title = escape(instanceOf(views));
  const body = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} - switchyard</title>
<link rel="icon" href="favicon.ico">
<link rel="stylesheet" href="dashboard/${built.style}">
<script type="module" src="dashboard/${built.script}"></script>
<body data-title="${title}">
<noscript>The dashboard needs JavaScript. The same as text: <a href="admin">all pages</a>.</noscript>
</body>
</html>
`;
  return { status: 200, contentType: "text/html; charset=utf-8", body, headers };
}

/** Such as `outgoing, incoming on node-7`: several processes look alike in tabs and bookmarks. */
function instanceOf(views: AdminViews): string {
  const labels = views.policies().map(({ router }) => router);
  return labels.length === 0 ? hostname() : `${labels.join(", ")} on ${hostname()}`;
}

const entities: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&quot;",
};

function escape(given: string): string {
  return given.replace(/[<>&"]/g, (character) => entities[character] ?? "");
}
