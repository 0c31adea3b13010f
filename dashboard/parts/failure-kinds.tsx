// Failures by kind since the start, and what the endpoints responded.
import type { ScopeDetail } from "../../src/admin/dashboard/shapes.ts";
import { address } from "../data/route.ts";
import { figure } from "../data/words.ts";
import { Facts, type Fact } from "./facts.tsx";

const helpOfKinds = `${address("help", { page: "metrics" })}#kinds-of-failures`;

export function FailureKinds({ detail }: { readonly detail: ScopeDetail }) {
  const { failures, numbers } = detail;
  // `restartable` counts some of the others once more.
  const kinds = failures.filter(({ kind }) => kind !== "restartable");
  const named = kinds.reduce((sum, { count }) => sum + count, 0);
  const rest = (numbers["failures"] ?? 0) - named;
  const facts: Fact[] = kinds.map(({ kind, count }) => ({
    name: <a href={helpOfKinds}>{kind}</a>,
    value: figure(count),
    tone: "bad",
  }));
  if (rest > 0)
    facts.push({ name: "responses that mean failure", value: figure(rest), tone: "bad" });
  const cancelled = numbers["cancelled"] ?? 0;
  if (cancelled > 0)
    facts.push({ name: "callers that left (no failure)", value: figure(cancelled) });
  const none: Fact = { name: "none since the start", value: "" };
  return <Facts title="Failures by kind" facts={facts.length === 0 ? [none] : facts} />;
}

export function Statuses({ detail }: { readonly detail: ScopeDetail }) {
  const single = detail.statuses.filter(({ status }) => !status.endsWith("XX"));
  return (
    <Facts
      title="Statuses"
      facts={single.slice(0, 12).map(({ status, count }) => ({
        name: <span class="m">{status}</span>,
        value: figure(count),
        tone: /^5|^error/.test(status) ? "bad" : undefined,
      }))}
    />
  );
}

/** Retries of a service, requeues of a client, with what is left of their budget. */
export function Retries({ detail: { numbers, row } }: { readonly detail: ScopeDetail }) {
  const facts = Object.entries(numbers)
    .filter(([name]) => name.startsWith("retries/"))
    .map(([name, value]): Fact => {
      const part = name.slice("retries/".length);
      const isSpent = part === "budget_exhausted" && value > 0;
      const tone = isSpent ? "bad" : undefined;
      return { name: retryWords[part] ?? part, value: figure(value), tone };
    });
  return <Facts title={row.kind === "client" ? "Requeues" : "Retries"} facts={facts} />;
}

const retryWords: Readonly<Record<string, string>> = {
  total: "retries",
  requeues: "requeues",
  budget: "left in the budget now",
  budget_exhausted: "not made: budget empty",
  request_limit: "not made: too many for one call",
  not_open: "not made: no endpoint open",
  cannot_retry: "not made: not safe",
};
