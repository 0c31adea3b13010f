// The page that asks the user of a browser before something harmful happens.
import type { AdminResponse } from "./page.ts";

/**
 * A form that posts to the address of the page itself, query included. `effect` completes a sentence
 * that begins with the path. Status 403, so that nothing mistakes it for the result.
 */
export function confirmation(path: string, effect: string): AdminResponse {
  return {
    status: 403,
    contentType: "text/html; charset=utf-8",
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>switchyard: please confirm</title>
<h1>Please confirm</h1>
<p><code>${path}</code> ${effect}.</p>
<form method="post"><button>Go ahead</button></form>
<p>Programs need no confirmation, unless they look like a browser: then they send the header <code>switchyard-confirm: 1</code>.</p>
</html>
`,
    headers: {
      "content-security-policy": [
        "default-src 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
      ].join("; "),
    },
  };
}
