// Health: what is wrong now; every endpoint with its state and its last error.
import { arrayPieces, longJson, longText } from "../long-page.ts";
import { jsonType, type AdminPage } from "../page.ts";
import type { AdminViews } from "../views.ts";

/** About 50 clients: two milliseconds. */
const blockChars = 16 * 1024;

export function healthPages(views: AdminViews): readonly AdminPage[] {
  return [
    {
      path: "/problems.json",
      category: "diagnostics",
      get: async () => longJson(await views.problems()),
    },
    {
      path: "/endpoints.json",
      category: "diagnostics",
      get: ({ query }) => {
        const clients = views.endpoints(query.get("router"), query.get("client"));
        const pieces = () => arrayPieces("clients", clients);
        return longText({ maxBytes: 0, pieces }, jsonType, "", blockChars);
      },
    },
  ];
}
