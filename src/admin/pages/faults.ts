// Fault injection: shows and changes it.
import {
  json,
  errorResponse,
  type AdminRequest,
  type AdminResponse,
  type AdminPage,
} from "../page.ts";
import type { AdminViews, FaultChange } from "../views.ts";

const path = "/faults.json";
const example = `curl -d 'enabled=true&delayMs=200&delayPercent=10' .../faults.json`;

export function faultPages(views: AdminViews): readonly AdminPage[] {
  return [
    {
      path,
      category: "control",
      isHazardous: true,
      get: () => json(views.faults()),
      post: (request) => change(views, request),
    },
  ];
}

function change(views: AdminViews, { body, contentType }: AdminRequest): AdminResponse {
  if (contentType !== "application/x-www-form-urlencoded") {
    return errorResponse(415, `expected a form: ${example}`);
  }
  const form = new URLSearchParams(body);
  const wanted = changeOf(form);
  if (typeof wanted === "string") return errorResponse(400, wanted);
  const [router, client] = [form.get("router"), form.get("client")];
  const changed = views.setFaults(router, client, wanted);
  if (changed === null) return errorResponse(404, `there is no router ${router}`);
  // A client exists from its first call on; a change of all clients also applies to later ones.
  if (changed > 0 || client === null) return json({ changed, clients: views.faults() });
  return errorResponse(
    404,
    `no client ${client} with faults in its configuration has taken a call yet`,
  );
}

type Change = { -readonly [Key in keyof FaultChange]: FaultChange[Key] };

/** A string is the error in the form. */
function changeOf(form: URLSearchParams): FaultChange | string {
  const found: Change = {};
  for (const [name, text] of form) {
    switch (name) {
      case "router":
      case "client":
        break;
      case "enabled":
        if (text !== "true" && text !== "false") return "expected enabled=true or enabled=false";
        found.isOn = text === "true";
        break;
      case "delayMs":
      case "delayPercent":
      case "abortPercent": {
        const value = Number(text);
        const max = name === "delayMs" ? 3_600_000 : 100;
        if (!/^\d+(\.\d+)?$/.test(text) || value > max) return `expected ${name}=0..${max}`;
        found[name] = value;
        break;
      }
      default:
        return `unknown field ${name}; the fields are router, client, enabled, delayMs, delayPercent, abortPercent`;
    }
  }
  return Object.keys(found).length > 0 ? found : `the form changes nothing; an example: ${example}`;
}
