// The command line of the bench.
import { parseArgs } from "node:util";

/** What there is to measure. */
export type BenchName = "http" | "thrift" | "mux" | "tls" | "outages" | "drains";

const benches: readonly BenchName[] = ["http", "thrift", "mux", "tls", "outages", "drains"];
const isBench = (kind: string | undefined): kind is BenchName =>
  benches.some((name) => name === kind);

/** By bench: every name that --only accepts. */
export type PartsOf = Readonly<Record<BenchName, readonly string[]>>;

export interface RunOptions {
  readonly rounds: number;
  readonly connections: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  /** Names of rows and extra parts; null for all. */
  readonly only: readonly string[] | null;
  /** Where the result is written; null for bench/results/<date>-<bench>.json. */
  readonly json: string | null;
  /** The arguments after `npm run bench --`, recorded with the result. */
  readonly command: string;
}

export type Invocation =
  | { readonly kind: "help" }
  | { readonly kind: "run"; readonly bench: BenchName; readonly options: RunOptions }
  | { readonly kind: "report" | "readme"; readonly file: string }
  | { readonly kind: "wrong"; readonly why: string };

export function usage(parts: PartsOf): string {
  return `usage: npm run bench -- http [options]      measure the HTTP proxies, side by side
       npm run bench -- thrift [options]    the same for Thrift
       npm run bench -- mux [options]       mux beside HTTP
       npm run bench -- tls [options]       HTTP over TLS, on either side
       npm run bench -- outages [options]   calls lost while endpoints are broken
       npm run bench -- drains [options]    calls lost when a proxy under load is shut down
       npm run bench -- report FILE         print a result of bench/results as Markdown
       npm run bench -- readme FILE         write the figures of a result of http into README.md

  --quick           one round of 2 seconds: for a look, not for a claim
  --only A,B        only these parts, of http: ${parts.http.join(", ")};
                    of thrift: ${parts.thrift.join(", ")};
                    of mux: ${parts.mux.join(", ")};
                    of tls: ${parts.tls.join(", ")};
                    of outages: ${parts.outages.join(", ")};
                    of drains: ${parts.drains.join(", ")}
  --connections N   connections of the load generator (32; of drains: 100); of mux: calls on one connection
  --seconds N       length of each measured window (5; of outages: 30)
  --rounds N        how often each proxy is measured, in turns (3; of drains: 10)
  --json FILE       where to write the result (bench/results/<date>-<bench>.json)
  --help            this text

docs/benchmarks.md says what is measured and how to read it.
`;
}

/** An outage is long enough for endpoints that fail to be probed several times. */
const secondsOf = { http: 5, thrift: 5, mux: 5, tls: 5, outages: 30, drains: 5 };
const roundsOf = { http: 3, thrift: 3, mux: 3, tls: 3, outages: 3, drains: 10 };
const connectionsOf = { http: 32, thrift: 32, mux: 32, tls: 32, outages: 32, drains: 100 };

const wholeNumber = /^[1-9]\d{0,5}$/;

export function parseInvocation(argv: readonly string[], partsOf: PartsOf): Invocation {
  let parsed;
  try {
    parsed = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        quick: { type: "boolean", default: false },
        only: { type: "string" },
        connections: { type: "string" },
        seconds: { type: "string" },
        rounds: { type: "string" },
        json: { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return { kind: "help" };
  const [kind, ...rest] = positionals;
  if (kind === "report" || kind === "readme") {
    const [file] = rest;
    if (file === undefined || rest.length > 1) return wrong(`${kind} takes one FILE`);
    return { kind, file };
  }
  if (!isBench(kind)) {
    const known = [...benches.map((name) => `"${name}"`), '"report"'].join(", ");
    return wrong(`expected ${known} or "readme", got ${kind ?? "nothing"}`);
  }
  const parts = partsOf[kind];
  if (rest.length > 0) return wrong(`unexpected argument "${rest[0]}"`);
  for (const name of ["connections", "seconds", "rounds"] as const) {
    const value = values[name];
    if (value !== undefined && !wholeNumber.test(value)) {
      return wrong(`--${name} takes a whole number from 1 to 999999, got "${value}"`);
    }
  }
  const only = values.only?.split(",") ?? null;
  const unknown = only?.find((part) => !parts.includes(part));
  if (unknown !== undefined) {
    return wrong(`--only does not know "${unknown}"; it knows ${parts.join(", ")}`);
  }
  return {
    kind: "run",
    bench: kind,
    options: {
      rounds: Number(values.rounds ?? (values.quick ? 1 : roundsOf[kind])),
      connections: Number(values.connections ?? connectionsOf[kind]),
      seconds: Number(values.seconds ?? (values.quick ? 2 : secondsOf[kind])),
      warmUpSeconds: values.quick ? 2 : 3,
      only,
      json: values.json ?? null,
      // Without --json FILE, which is a path on this machine.
      command: [`npm run bench -- ${kind}`, ...shown(values)].join(" "),
    },
  };
}

function shown(values: Readonly<Record<string, string | boolean | undefined>>): string[] {
  const names = ["only", "connections", "seconds", "rounds"];
  const given = names.filter((name) => values[name] !== undefined);
  return [
    ...(values["quick"] === true ? ["--quick"] : []),
    ...given.map((name) => `--${name} ${values[name]}`),
  ];
}

function wrong(why: string): Invocation {
  return { kind: "wrong", why };
}
