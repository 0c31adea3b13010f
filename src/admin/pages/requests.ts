// The calls that are kept: as JSON, and as a table.
import { readCallQuery } from "../../core/calls/filter.ts";
import type { CallQuery } from "../../core/calls/filter.ts";
import { longJson } from "../long-page.ts";
import { errorResponse, type AdminPage, type AdminRequest, type AdminResponse } from "../page.ts";
import { requestsTable } from "../ui/requests-table.ts";
import type { AdminViews } from "../views.ts";

const defaultLimit = 100;
const limits = { limit: 1_000 };

export function requestPages(views: AdminViews): readonly AdminPage[] {
  const viewOf = ({ filter, numbers }: CallQuery) =>
    views.requests(filter, numbers["limit"] ?? defaultLimit);
  return [
    page("/requests.json", (query) => longJson(viewOf(query))),
    page("/requests", (query) => requestsTable(viewOf(query).requests)),
  ];
}

function page(
  path: string,
  render: (query: CallQuery) => AdminResponse | Promise<AdminResponse>,
): AdminPage {
  return {
    path,
    category: "ui",
    get({ query }: AdminRequest) {
      const read = readCallQuery(query, limits);
      return "problem" in read ? errorResponse(400, read.problem) : render(read);
    },
  };
}
