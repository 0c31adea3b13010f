// The rules about several keys. They accept data that may be wrong in other places: values of the wrong
// type are skipped, because the schema reports them.
import type { Kinds } from "../kinds.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Source } from "../yaml/yaml.ts";
import { allowInVain, allowWithoutCallers } from "./allow.ts";
import { neverAnnounced, wronglyAnnounced } from "./announcing.ts";
import { adminFindings } from "./admin.ts";
import { openDtabs } from "./exposure.ts";
import { exclusions } from "./exclusions.ts";
import { certificateFindings, unknownCaptures } from "./certificates.ts";
import { duplicateLabels } from "./labels.ts";
import { hedgesWithoutEffect, misplacedPolicy, prefixesWithoutClients } from "./policy-sections.ts";
import { halfNameServer } from "./name-server.ts";
import { opportunisticWithoutTls } from "./opportunistic-tls.ts";
import { portConflicts } from "./ports.ts";
import { duplicatePages } from "./telemeter-pages.ts";
import { unknownNamers } from "./unknown-namers.ts";
import { fieldsOf, mapsOf } from "./untyped.ts";

/** Errors: keys that conflict. */
export function conflicts(source: Source, file: unknown, kinds: Kinds): Finding[] {
  const routers = mapsOf(fieldsOf(file)["routers"]);
  return [
    ...duplicateLabels(source, routers),
    ...portConflicts(source, fieldsOf(file), kinds),
    ...duplicatePages(source, kinds),
    ...halfNameServer(fieldsOf(file)),
    ...routers.flatMap(({ data, index }) => [
      ...exclusions(data, ["routers", index]),
      ...allowWithoutCallers(data, ["routers", index]),
      ...opportunisticWithoutTls(data, ["routers", index]),
      ...misplacedPolicy(data["service"], ["routers", index, "service"]),
      ...misplacedPolicy(data["client"], ["routers", index, "client"]),
      ...wronglyAnnounced(data, ["routers", index]),
      ...unknownCaptures(data["client"], ["routers", index, "client"]),
    ]),
  ];
}

/** Warnings: valid keys that cannot do what they were written for. */
export function suspicions(file: unknown, kinds: Kinds): Finding[] {
  const routers = mapsOf(fieldsOf(file)["routers"]);
  return [
    ...prefixesWithoutClients(file),
    ...hedgesWithoutEffect(file, kinds),
    ...unknownNamers(file, kinds),
    ...openDtabs(file),
    ...certificateFindings(file),
    ...adminFindings(file),
    ...routers.flatMap(({ data, index }) => [
      ...neverAnnounced(data, ["routers", index]),
      ...allowInVain(data, ["routers", index]),
    ]),
  ];
}
