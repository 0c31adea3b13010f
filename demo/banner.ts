// What `npm start` prints: where everything is, and what to try.
import path from "node:path";
import type { Fleet } from "./fleet.ts";
import type { MutualTls } from "./tls.ts";

export const help = `usage: npm start -- [--port N] [--tls] [--consul] [--self-check]

Starts an exchange-rate app as a mesh: web, converter and two rate providers, each with a
sidecar process that routes, balances and counts its calls.

  --port N       the page's port; without it 8080, or a free one when that is taken
  --tls          mutual TLS between all sidecars, with certificates of a CA that the demo makes
  --consul       find each other by a real Consul: the agent on port 8500, or one that is started
                 there (the program must be on PATH); --consul-port N for another port
  --self-check   convert through all sidecars, stop a rate provider, print what was observed, exit
  --help         this text
`;

export function banner(fleet: Fleet, controlUrl: string): string {
  const { pageUrl, fleetPage, folder, discovery, tls } = fleet;
  const file = (name: string) => path.join(folder, name);
  const converterAdmin = fleet.instance("converter")?.status().adminUrl;
  return `
The exchange-rate app is running. The page:  ${pageUrl}/
All its sidecars, and who calls whom:        ${fleetPage.url}

${table(fleet)}

  from sidecar to sidecar   ${tls === null ? "plain text; npm start -- --tls has mutual TLS" : `mutual TLS, ${tls.caPath}`}
  discovery           ${discovery.title}
  sidecars' files     ${file("*.yaml")}   (logs beside them)
  supervisor's port   ${controlUrl}/status

Try:
  # convert, through three pairs of routers
  curl '${pageUrl}/api/convert?amount=12.50&from=USD&to=EUR'
  # the same, with the last call over Thrift; or over mux, with Avro inside
  curl '${pageUrl}/api/convert?amount=12.50&from=USD&to=EUR&via=thrift'
  curl '${pageUrl}/api/convert?amount=12.50&from=USD&to=EUR&via=mux'
  # send this one request to rates-2: it carries its own dtab to all services on its way
  curl -H 'l5d-dtab: /svc/rates => /svc/rates-2' '${pageUrl}/api/convert?amount=1&from=EUR&to=JPY'
  # how converter's sidecar resolves /svc/rates, its Thrift name, and a name that leads nowhere
  bin/switchyard explain ${file("converter.yaml")} /svc/rates --router outgoing
  bin/switchyard explain ${file("converter.yaml")} /svc/rates-thrift --router outgoing-thrift
  bin/switchyard explain ${file("converter.yaml")} /svc/nobody --router outgoing
  # the metrics of converter's sidecar, and how it resolves a name
  curl '${converterAdmin}/admin/metrics.json?pretty=1'
  curl '${converterAdmin}/delegator.json?namespace=outgoing&path=/svc/rates&dtab=${encoded(discovery.dtab)}'
  # stop a rate provider gracefully, kill one, start it again
  curl -X POST ${controlUrl}/stop/rates-1
  curl -X POST ${controlUrl}/kill/rates-2
  curl -X POST ${controlUrl}/start/rates-1${tls === null ? "" : tlsTips(fleet, tls, controlUrl)}

Ctrl-C stops everything.
`;
}

function tlsTips({ instances }: Fleet, { caPath }: MutualTls, controlUrl: string): string {
  const rates = instances.find(({ name }) => name === "rates-1")?.ports.http.incoming;
  return `
  # the certificate of rates-1's sidecar in words; new ones for all sidecars, while calls flow
  bin/switchyard cert show 127.0.0.1:${rates} --name rates --ca ${caPath}
  curl -X POST ${controlUrl}/renew`;
}

function table({ instances }: Fleet): string {
  const head = ["", "service", "incoming", "outgoing", "sidecar's admin"];
  const rows = instances.map(({ name, ports }) => [
    name,
    `${ports.http.service}`,
    `${ports.http.incoming}`,
    `${ports.http.outgoing}`,
    `http://127.0.0.1:${ports.admin}/`,
  ]);
  return [head, ...rows].map((cells) => lineOf(cells)).join("\n");
}

function lineOf(cells: readonly string[]): string {
  return `  ${cells.map((cell) => cell.padEnd(11)).join("")}`.trimEnd();
}

function encoded(dtab: string): string {
  return encodeURIComponent(dtab).replaceAll("%2F", "/");
}
