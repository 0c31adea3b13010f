// The configuration file of one sidecar: what a person would write by hand for it.
import type { Discovery } from "./discovery.ts";

/** The four ports of an instance: the service itself, and its sidecar's three. */
export interface Ports {
  readonly service: number;
  readonly incoming: number;
  readonly outgoing: number;
  readonly admin: number;
}

export function sidecarYaml(name: string, ports: Ports, discovery: Discovery): string {
  return `# The sidecar of ${name}, a process beside the service. Two routers:
#
#   other sidecars --> :${ports.incoming} incoming --> ${name} on :${ports.service}
#   ${name} --> :${ports.outgoing} outgoing --> the incoming router of the callee's sidecar

admin:
  port: ${ports.admin}

namers:
${indented(discovery.namersYaml, 2)}

routers:
  # Whatever name was called, it is for the service on this machine.
  - protocol: http
    label: incoming
    servers:
      - port: ${ports.incoming}
    dtab: |
      /svc/* => /$/inet/127.1/${ports.service} ;

  # \`Host: rates\` makes the name /svc/rates, and discovery knows where that is.
  - protocol: http
    label: outgoing
    servers:
      - port: ${ports.outgoing}
    dtab: |
      ${discovery.dtab} ;
`;
}

function indented(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, " ".repeat(spaces));
}
