// The section `fleet`: which instances of switchyard this process watches, and how.
import * as v from "valibot";
import { parseInstance } from "../../core/address.ts";
import type { ListedInstance } from "../../core/address.ts";
import { integer, path, says } from "../../core/schema.ts";
import { clientTlsEntries } from "../../core/tls/schema.ts";
import { oneOrMany } from "../kinds.ts";

const text = () => v.pipe(v.string("expected text"), v.nonEmpty("expected text that is not empty"));

/** `web 10.0.0.1:9990`, or without the name. */
const instance = (expected: string) =>
  v.pipe(
    v.string(expected),
    v.rawTransform(({ dataset, addIssue, NEVER }): ListedInstance => {
      const parsed = parseInstance(dataset.value);
      if (parsed !== null) return parsed;
      addIssue({ message: expected });
      return NEVER;
    }),
  );

const url = () => {
  const expected = "expected the URL of a Prometheus, such as http://127.0.0.1:9090";
  return v.pipe(
    v.string(expected),
    v.check((given) => /^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/.test(given), expected),
  );
};

const prometheus = () =>
  v.strictObject({
    url: says("Where it is, without /api/v1.", url()),
    timeoutMs: says("How long a query may take.", v.optional(integer(1), 5_000)),
  });

const entries = () => ({
  title: says("What the pages call the fleet.", v.optional(text(), "fleet")),
  instances: says(
    "Admin servers, such as `web 10.0.0.1:9990`; the name may be left out.",
    v.optional(
      v.array(
        instance("expected NAME HOST:PORT or HOST:PORT, such as web 10.0.0.1:9990"),
        "expected a list of instances",
      ),
      [],
    ),
  ),
  file: says("A file with one instance a line, read again when it changes.", v.optional(text())),
  name: says(
    "A name, or several, whose addresses are admin servers, such as /#/io.l5d.consul/dc1/switchyard-admin.",
    v.optional(oneOrMany(path())),
  ),
  dns: says(
    "A host whose addresses are admin servers, and their port.",
    v.optional(instance("expected HOST:PORT, such as switchyard-admin.internal:9990")),
  ),
  intervalMs: says("How often each instance is asked.", v.optional(integer(100, 50_000), 5_000)),
  timeoutMs: says("How long an instance may take to respond.", v.optional(integer(1), 5_000)),
  maxPageKB: says("What an instance may send at once.", v.optional(integer(16, 65_536), 4_096)),
  maxSeries: says(
    "Services, clients and servers that are kept over all instances: 2 kB of memory each.",
    v.optional(integer(100), 60_000),
  ),
  forgetAfterMs: says(
    "How long an instance is shown that is not listed any more.",
    v.optional(integer(0), 600_000),
  ),
  prometheus: says(
    "Reads services and their history from a Prometheus that scrapes all instances.",
    v.optional(prometheus()),
  ),
  token: says(
    "File with the token that the admin servers want (admin.token there). Default: none is sent.",
    v.optional(text()),
  ),
  tls: says("TLS towards the admin servers. Default: plain text.", v.optional(tls())),
});

const tls = () => v.strictObject(clientTlsEntries());

export const fleetSchema = () =>
  v.pipe(
    v.strictObject(entries()),
    v.check(
      ({ instances, file, name, dns }) =>
        instances.length > 0 || file !== undefined || name !== undefined || dns !== undefined,
      "expected instances, file, name or dns: where the instances are",
    ),
    v.check(
      ({ dns }) => dns === undefined || dns.name === null,
      "expected dns to be HOST:PORT, without a name in front",
    ),
  );

export type CheckedFleet = v.InferOutput<ReturnType<typeof fleetSchema>>;
