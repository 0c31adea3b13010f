// The configuration file of one sidecar: what a person would write by hand for it.
import type { Discovery } from "./discovery.ts";

/** The four ports of an instance: the service itself, and its sidecar's three. */
export interface Ports {
  readonly service: number;
  readonly incoming: number;
  readonly outgoing: number;
  readonly admin: number;
}

/** `names` are those under which the instance is found. */
export function sidecarYaml(
  name: string,
  names: readonly string[],
  ports: Ports,
  discovery: Discovery,
): string {
  const { announcersYaml } = discovery;
  const announces = announcersYaml !== "";
  const announcers = announces ? `    announcers:\n${indented(announcersYaml, 6)}\n` : "";
  const announced = names.map((each) => discovery.announcedAs(each)).join(", ");
  const announce = announces ? `\n        announce: [${announced}]` : "";
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
${announcers}    servers:
      - port: ${ports.incoming}${announce}
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
