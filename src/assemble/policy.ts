// What the configuration settles for a name and its clients, and where each setting comes from.
import type { RouterConfig } from "../config/config.ts";
import type { Setting } from "../config/policy.ts";
import { redact } from "../config/redact.ts";
import type { Path } from "../core/names/path.ts";

type Sections = Pick<RouterConfig, "service" | "client">;

/**
 * For `/<router>/policy.json`: every key with its value and its origin. `ids` are the clients that
 * the name is bound to; a path that is a client's own id has no service policy.
 */
export function policyJson(
  { service, client }: Sections,
  path: Path,
  ids: readonly Path[],
): Readonly<Record<string, unknown>> {
  const clients = isClientId(path) ? [path] : ids;
  return {
    path,
    ...(isClientId(path) ? {} : { service: settingsJson("service", service.settings(path)) }),
    clients: Object.fromEntries(
      clients.map((id) => [id, settingsJson("client", client.settings(id))]),
    ),
  };
}

/** For people: what is not a default, one setting a line. */
export function policyText(
  { service, client }: Sections,
  path: Path,
  ids: readonly Path[],
): readonly string[] {
  return [
    ...settingLines(`service policy of ${path}`, "service", service.settings(path)),
    ...ids.flatMap((id) => {
      return settingLines(`client policy of ${id}`, "client", client.settings(id));
    }),
  ];
}

function isClientId(path: Path): boolean {
  return /^\/[#$%]/.test(path);
}

const needless = "experimental"; // it changes nothing

function settingsJson(section: string, settings: readonly Setting[]) {
  return Object.fromEntries(
    settings
      .filter(({ key }) => key !== needless)
      .map(({ key, value, from }) => [
        key,
        { value: shown(key, value), from: originOf(section, from) },
      ]),
  );
}

function settingLines(title: string, section: string, settings: readonly Setting[]): string[] {
  const given = settings.filter(({ key, from }) => from !== null && key !== needless);
  if (given.length === 0) return [`${title}: all defaults`];
  const lines = given.map(({ key, value, from }) => {
    return `  ${key}: ${JSON.stringify(shown(key, value))}  (${originOf(section, from)})`;
  });
  return [`${title}, the rest are defaults:`, ...lines];
}

/** Without secrets; null: no limit, or nothing. */
function shown(key: string, value: unknown): unknown {
  return (redact({ [key]: value ?? null }) as Readonly<Record<string, unknown>>)[key];
}

function originOf(section: string, from: Setting["from"]): string {
  if (from === null) return "default";
  return from.entry === "" ? section : `${section}.${from.entry}, prefix ${from.prefix}`;
}
