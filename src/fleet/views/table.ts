// The fleet as text, for terminals.
import type { FleetProblem, InstanceView, Overview, ServiceView } from "./shapes.ts";

export function fleetText(overview: Overview, services: readonly ServiceView[]): string {
  const { instances, problems, sources } = overview;
  const from = sources.map(({ text, count }) => `${text} (${count})`).join(", ");
  return [
    `${plural(instances.length, "instance")} from ${from}`,
    "",
    ...problemLines(problems),
    "",
    ...table(
      ["INSTANCE", "ADDRESS", "STATE", "CALLS/S", "SUCCESS", "P99 MS", "VERSION", "CONFIG"],
      instances.map(instanceCells),
    ),
    "",
    ...table(
      ["SERVICE", "ROUTER", "INSTANCES", "CALLS/S", "SUCCESS", "P50 MS", "P95 MS", "P99 MS"],
      services.slice(0, 50).map(serviceCells),
    ),
  ].join("\n");
}

function problemLines(problems: readonly FleetProblem[]): string[] {
  if (problems.length === 0) return ["Nothing is wrong."];
  return problems.map(({ severity, text, advice, where }) => {
    const place = where === null ? "" : ` (${where.file}:${where.line})`;
    return `${severity.toUpperCase().padEnd(9)}${clean(text)}${place}\n         ${clean(advice)}`;
  });
}

function instanceCells(instance: InstanceView): string[] {
  const { incoming } = instance;
  return [
    instance.name,
    instance.id,
    instance.state,
    incoming.perSecond.toFixed(1),
    percent(incoming.successRate),
    number(incoming.p99Ms),
    instance.version ?? "-",
    instance.configHash ?? "-",
  ];
}

function serviceCells(service: ServiceView): string[] {
  const { latency } = service;
  return [
    service.name,
    service.router,
    `${service.instances}`,
    service.perSecond.toFixed(1),
    percent(service.successRate),
    number(latency?.p50 ?? null),
    number(latency?.p95 ?? null),
    number(latency?.p99 ?? null),
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows].map((cells) => cells.map(clean));
  const widths = head.map((_, column) => Math.max(...all.map((cells) => cells[column]!.length)));
  return all.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

/** Names come from callers and instances: none of them may move the cursor. */
function clean(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, "?").slice(0, 300);
}

function percent(share: number | null): string {
  if (share === null) return "-";
  // 99.95 % must not read as 100 %.
  const shown = Math.floor(share * 10_000) / 100;
  return `${shown} %`;
}

function number(ms: number | null): string {
  return ms === null ? "-" : `${Math.round(ms * 10) / 10}`;
}

function plural(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
