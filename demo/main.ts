// `npm start`: the demo's supervisor. Arguments, signals, exit code.
import { parseArgs } from "node:util";
import { banner, help } from "./banner.ts";
import { consulDiscovery, findConsul } from "./consul.ts";
import { serveControl } from "./control.ts";
import { fileDiscovery } from "./discovery.ts";
import { createFleet, type Fleet, type FleetOptions } from "./fleet.ts";
import { freePorts, isFree } from "./ports.ts";
import { selfCheck } from "./self-check.ts";

const usualPagePort = 8_080;
const usualConsulPort = 8_500;

interface Options {
  /** null when not given. */
  readonly port: number | null;
  readonly isSelfCheck: boolean;
  /** The port of a Consul agent; null: discovery by files. */
  readonly consulPort: number | null;
  /** Mutual TLS between all sidecars. */
  readonly hasTls: boolean;
}

function optionsOf(argv: readonly string[]): Options | "help" | { readonly wrong: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        port: { type: "string" },
        "self-check": { type: "boolean" },
        consul: { type: "boolean" },
        "consul-port": { type: "string" },
        tls: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    });
    if (values.help === true) return "help";
    const port = portOf(values.port);
    const consulPort = portOf(values["consul-port"]);
    if (port === "wrong") return notAPort("--port", values.port);
    if (consulPort === "wrong") return notAPort("--consul-port", values["consul-port"]);
    const usual = values.consul === true ? usualConsulPort : null;
    const isSelfCheck = values["self-check"] === true;
    return { port, isSelfCheck, consulPort: consulPort ?? usual, hasTls: values.tls === true };
  } catch (error) {
    return { wrong: error instanceof Error ? error.message : String(error) };
  }
}

function portOf(text: string | undefined): number | null | "wrong" {
  if (text === undefined) return null;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : "wrong";
}

function notAPort(option: string, text: string | undefined): { readonly wrong: string } {
  return { wrong: `${option}: expected a port, 1..65535, got "${text}"` };
}

/** The chosen discovery, to be opened for the demo's folder; a text explains why it is unavailable. */
async function discoveryOf({ consulPort }: Options): Promise<FleetOptions["discoverBy"] | string> {
  if (consulPort === null) return fileDiscovery;
  const place = await findConsul(consulPort);
  return typeof place === "string" ? place : (folder) => consulDiscovery(folder, place);
}

/** null when the requested port is taken. */
async function pagePortOf({ port, isSelfCheck }: Options): Promise<number | null> {
  if (port !== null) return (await isFree(port)) ? port : null;
  if (!isSelfCheck && (await isFree(usualPagePort))) return usualPagePort;
  const [free = 0] = await freePorts(1);
  return free;
}

/** Runs the demo until a signal, or the self-check to its end. Resolves to the exit code. */
async function run(options: Options): Promise<number> {
  const pagePort = await pagePortOf(options);
  if (pagePort === null) {
    console.error(`port ${options.port} is taken: choose another with --port N`);
    return 1;
  }
  const discoverBy = await discoveryOf(options);
  if (typeof discoverBy === "string") {
    console.error(discoverBy);
    return 1;
  }
  let fleet: Fleet | null = null;
  process.on("exit", () => fleet?.abandon());
  const control = await serveControl(() => fleet);
  const controlUrl = `http://127.0.0.1:${control.port}`;
  fleet = await createFleet({
    pagePort,
    controlUrl,
    hasTls: options.hasTls,
    discoverBy,
    say: (line) => console.error(line),
  });
  const problem = await Promise.race([use(fleet, controlUrl, options), signalled(options)]);
  if (problem !== null) console.error(problem);
  await fleet.close();
  await control.close();
  return problem === null ? 0 : 1;
}

/** null on success, otherwise the problem. Without `--self-check` it runs until Ctrl-C. */
async function use(fleet: Fleet, controlUrl: string, options: Options): Promise<string | null> {
  const problem = await fleet.start();
  if (problem !== null) return problem;
  if (options.isSelfCheck) return selfCheck(fleet, controlUrl, console.log);
  console.log(banner(fleet, controlUrl));
  return new Promise(() => {});
}

/** null at the first signal, which is the normal end of the demo but a problem for a self-check. A
 *  later signal ends this process immediately, and with it everything that it started. */
function signalled({ isSelfCheck }: Options): Promise<string | null> {
  return new Promise((resolve) => {
    let firstMs: number | null = null;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        if (firstMs !== null) {
          // One Ctrl-C arrives twice: from the terminal, and from npm, which forwards it.
          if (performance.now() - firstMs > 500) process.exit(1);
          return;
        }
        firstMs = performance.now();
        if (!isSelfCheck) console.log("\nStopping everything; calls in progress may end.");
        resolve(isSelfCheck ? `the self-check was interrupted (${name})` : null);
      });
    }
  });
}

const options = optionsOf(process.argv.slice(2));
if (options === "help") {
  console.log(help);
} else if ("wrong" in options) {
  console.error(`${options.wrong}\n\n${help}`);
  process.exitCode = 2;
} else {
  process.exit(await run(options)); // an interrupted self-check would keep sending requests
}
