// Options of one router that exclude each other.
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { entriesOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

export function exclusions(router: Data, steps: readonly Step[]): Finding[] {
  const findings: Finding[] = [];
  if (router["baseDtab"] !== undefined && router["dtab"] !== undefined) {
    const message =
      "is the old name of dtab, which this router has as well: move its entries into dtab";
    findings.push({ steps: [...steps, "baseDtab"], at: "key", message });
  }
  return [...findings, ...unframed(router, steps)];
}

/** `thriftFramed: false` where the transport always puts a length in front of each message. */
function unframed(router: Data, steps: readonly Step[]): Finding[] {
  const hasHeaders = router["thriftTransport"] === "header";
  const servers = mapsOf(router["servers"]).map(({ data, index }) => ({
    data,
    steps: [...steps, "servers", index],
  }));
  return [...servers, ...entriesOf(router["client"], [...steps, "client"])].flatMap((section) => {
    const isMux = section.data["thriftMux"] === true;
    if (section.data["thriftFramed"] !== false || !(hasHeaders || isMux)) return [];
    const other = hasHeaders ? "thriftTransport: header" : "thriftMux: true";
    const message = `false excludes ${other}, where every message has its length: delete one of the two keys`;
    return [{ steps: [...section.steps, "thriftFramed"], at: "value", message } as const];
  });
}
