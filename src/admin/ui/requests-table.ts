// Calls as a table of HTML, without a script: whatever callers sent is text.
import type { CallRecord } from "../../core/calls/record.ts";
import type { AdminResponse } from "../page.ts";

const columns = [
  "Time",
  "ms",
  "Router",
  "Method",
  "Target",
  "Name",
  "Endpoint",
  "Status",
  "What happened",
];

export function requestsTable(requests: readonly CallRecord[]): AdminResponse {
  const rows = requests.map((record) => row(cellsOf(record), "td"));
  return {
    status: 200,
    contentType: "text/html; charset=utf-8",
    body: `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>switchyard: recent requests</title>
<h1>Recent requests</h1>
<p>The last that failed, the slowest of the last ten minutes, and a sample; all of it at <a href="requests.json">requests.json</a>.</p>
<table border="1" cellpadding="4">
${row(columns, "th")}
${rows.join("\n")}
</table>
</html>
`,
    headers: {
      "content-security-policy":
        "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    },
  };
}

function cellsOf(record: CallRecord): readonly string[] {
  const { at, durationMs, router, method, target, name, endpoint, status } = record;
  const what = [name ?? "", endpoint ?? "", status, whatHappened(record)];
  return [at, String(durationMs), router, method, target, ...what];
}

function whatHappened({ failure, attempts, outcome }: CallRecord): string {
  if (failure !== null) return `${failure.kind}: ${failure.detail}`;
  const tried = attempts.length > 1 ? `, ${attempts.length} attempts` : "";
  return `${outcome}${tried}`;
}

function row(cells: readonly string[], tag: "td" | "th"): string {
  return `<tr>${cells.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join("")}</tr>`;
}

const entities: Readonly<Record<string, string>> = {
  "<": "&lt;",
  ">": "&gt;",
  "&": "&amp;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return text.replace(/[<>&"']/g, (character) => entities[character] ?? "");
}
