// The files of deploy/, read for tests.
import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parse } from "yaml";

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RuleFile {
  readonly groups: readonly { readonly name: string; readonly rules: readonly Rule[] }[];
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
}

export const prometheusFolder = resolve("deploy", "prometheus");

export const deployedText = (name: string): string =>
  readFileSync(resolve(prometheusFolder, name), "utf8");

export const rulesIn = (name: string): readonly Rule[] =>
  (parse(deployedText(name)) as RuleFile).groups.flatMap(({ rules }) => rules);

export function dashboards(): readonly Dashboard[] {
  const folder = resolve("deploy", "grafana");
  return readdirSync(folder).map(
    (name) => JSON.parse(readFileSync(resolve(folder, name), "utf8")) as Dashboard,
  );
}

/** A panel's expression as Grafana sends it: for all instances, routers and services. */
export function filledIn(expr: string): string {
  return expr.replaceAll("$__rate_interval", "1m").replaceAll(/\$(instance|router|service)/g, ".*");
}
