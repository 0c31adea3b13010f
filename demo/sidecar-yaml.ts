// The configuration file of one sidecar, as a person would write it by hand.
import type { Discovery } from "./discovery.ts";
import type { MutualTls } from "./tls.ts";
import { labelOf, protocols, type Offer, type Ports, type Protocol } from "./via.ts";

export function sidecarYaml(
  name: string,
  offers: readonly Offer[],
  ports: Ports,
  discovery: Discovery,
  tls: MutualTls | null,
): string {
  const { incoming, outgoing, service } = ports.http;
  const offered = protocols.filter((each) => offers.some(({ protocol }) => protocol === each));
  return `# The sidecar of ${name}, a process beside the service. For each protocol two routers:
#
#   other sidecars --> :${incoming} incoming --> ${name} on :${service}
#   ${name} --> :${outgoing} outgoing --> the incoming router of the callee's sidecar

admin:
  port: ${ports.admin}

telemetry:
  # Few calls are made here, so each can be followed through all sidecars.
  - kind: io.l5d.recentRequests
    sampleRate: 1.0

namers:
${indented(discovery.namersYaml, 2)}

routers:
  # Whatever name was called, it is for the service on this machine.
${offered.map((each) => incomingYaml(each, name, offers, ports, discovery, tls)).join("\n")}
  # The name leads to /svc/NAME: \`Host: rates\` of HTTP, \`rates-thrift:rate\` of Thrift, the
  # destination /rates-mux of mux. One dtab and one namer for all: discovery knows where NAME is.
${protocols.map((each) => outgoingYaml(each, name, ports, discovery, tls)).join("\n")}`;
}

function incomingYaml(
  protocol: Protocol,
  name: string,
  offers: readonly Offer[],
  ports: Ports,
  { announcersYaml, announcedAs }: Discovery,
  tls: MutualTls | null,
): string {
  const announces = announcersYaml !== "";
  const announcers = announces ? `    announcers:\n${indented(announcersYaml, 6)}\n` : "";
  const names = offers.filter((each) => each.protocol === protocol).map(({ name }) => name);
  const announced = names.map((each) => announcedAs(each)).join(", ");
  const announce = announces ? `\n        announce: [${announced}]` : "";
  const { incoming, service } = ports[protocol];
  // The browser has no sidecar, and no certificate.
  const isPage = name === "web" && protocol === "http";
  const secure =
    tls === null || isPage ? "" : `\n        tls:\n${indented(tls.serverYaml(name), 10).trimEnd()}`;
  // Mux sends the residual name as the new destination, and nothing is left of /svc/NAME.
  const whatever = protocol === "mux" ? "/svc" : "/svc/*";
  return `  - protocol: ${protocol}
    label: ${labelOf("incoming", protocol)}
${announcers}    servers:
      - port: ${incoming}${announce}${secure}
    dtab: |
      ${whatever} => /$/inet/127.1/${service} ;
`;
}

function outgoingYaml(
  protocol: Protocol,
  name: string,
  ports: Ports,
  discovery: Discovery,
  tls: MutualTls | null,
): string {
  const client = tls === null ? "" : `    client:\n${indented(tls.clientYaml(name, discovery), 6)}`;
  return `  - protocol: ${protocol}
    label: ${labelOf("outgoing", protocol)}
    servers:
      - port: ${ports[protocol].outgoing}
    dtab: |
      ${discovery.dtab} ;
${client}`;
}

function indented(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}
