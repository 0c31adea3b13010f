// Services over all instances, with percentiles of all their calls.
import type { Percentiles, ServiceDetail, ServiceView } from "../../src/fleet/views/shapes.ts";
import { useJson } from "../data/json.ts";
import { address } from "../data/route.ts";
import { count, millis, percent, rate } from "../data/words.ts";
import { Chart } from "../parts/chart.tsx";
import { Table, type Column } from "../parts/table.tsx";
import { useFleet } from "./stream.ts";

const columns: readonly Column[] = [
  { head: "service", isText: true },
  { head: "router", isText: true },
  { head: "instances", isWide: true },
  { head: "calls/s" },
  { head: "success" },
  { head: "p50 ms" },
  { head: "p90", isWide: true },
  { head: "p95", isWide: true },
  { head: "p99 ms" },
  { head: "p99.9", isWide: true },
];

interface Services {
  readonly services: readonly ServiceView[];
}

export function FleetServices() {
  const followed = useFleet<Services>("services");
  if (followed.name === "loading") return <p class="dim">Waiting for the first data …</p>;
  const services = followed.value?.services ?? [];
  if (services.length === 0) return <p class="dim">No service has been called yet.</p>;
  return (
    <section class={followed.name === "lost" ? "stale" : undefined}>
      <h2>
        Services over all instances{" "}
        <small class="dim">last minute; percentiles are those of all calls</small>
      </h2>
      <Table label="Services" columns={columns}>
        {services.map((service) => (
          <ServiceLine key={`${service.router} ${service.name}`} service={service} />
        ))}
      </Table>
    </section>
  );
}

function ServiceLine({ service }: { readonly service: ServiceView }) {
  const { router, name, protocol, instances, perSecond, successRate, latency } = service;
  const at = (key: keyof Percentiles) => millis(latency?.[key] ?? null);
  return (
    <tr>
      <th scope="row" class="t">
        <a class="m" href={address("fleet", { view: "services", router, name })}>
          {name}
        </a>
      </th>
      <td class="t dim">
        {router} <span class="wide-inline">({protocol})</span>
      </td>
      <td class="wide">{instances}</td>
      <td>{rate(perSecond)}</td>
      <td class={(successRate ?? 1) < 0.99 ? "bad" : undefined}>{percent(successRate)}</td>
      <td>{at("p50")}</td>
      <td class="wide">{at("p90")}</td>
      <td class="wide">{at("p95")}</td>
      <td>{at("p99")}</td>
      <td class="wide">{at("p999")}</td>
    </tr>
  );
}

const periodMs = 5_000;
/** A chart has 120 places for 60 points. */
const twice = <T,>(values: readonly T[]): T[] => values.flatMap((value) => [value, value]);

interface OneServiceProps {
  readonly router: string;
  readonly name: string;
}

export function FleetService({ router, name }: OneServiceProps) {
  const loaded = useJson<ServiceDetail>(address("fleet/service.json", { router, name }), periodMs);
  if (loaded.name === "loading") return <p class="dim">Waiting for the first data …</p>;
  if (loaded.name === "failed") return <p class="dim">{loaded.why}</p>;
  const service = loaded.value;
  return (
    <>
      <h1 class="m">{name}</h1>
      <p class="dim">
        router {router}, {service.protocol}, over {count(service.instances, "instance")} ·{" "}
        <a href={address("fleet", { view: "services" })}>all services</a> ·{" "}
        <a href={address("fleet", { view: "calls", name })}>recent calls</a>
      </p>
      <Charts service={service} />
      <ByInstance service={service} />
    </>
  );
}

function Charts({ service: { tenMinutes, hour } }: { readonly service: ServiceDetail }) {
  const perSlot = (value: number) => value / 10;
  const last = (points: readonly { readonly atMs: number }[]) => (points.at(-1)?.atMs ?? 0) / 1_000;
  const calls = twice(tenMinutes.map(({ requests }) => perSlot(requests)));
  const failures = twice(tenMinutes.map(({ failures: failed }) => perSlot(failed)));
  const of = (key: keyof Percentiles) => twice(hour.map(({ latency }) => latency?.[key] ?? null));
  return (
    <div class="charts">
      <Chart
        title="Calls"
        unit="per second"
        lastSeconds={last(tenMinutes)}
        periodSeconds={5}
        show={rate}
        lines={[
          { label: "calls", curve: calls, colour: "accent" },
          { label: "failures", curve: failures, colour: "bad", isFilled: true },
        ]}
      />
      <Chart
        title="Latency"
        unit="ms, last hour"
        lastSeconds={last(hour)}
        periodSeconds={30}
        show={rate}
        lines={[
          { label: "p50", curve: of("p50"), colour: "dim" },
          { label: "p95", curve: of("p95"), colour: "accent" },
          { label: "p99", curve: of("p99"), colour: "ink" },
        ]}
      />
    </div>
  );
}

const instanceColumns: readonly Column[] = [
  { head: "instance", isText: true },
  { head: "calls/s" },
  { head: "success" },
  { head: "p50 ms" },
  { head: "p99 ms" },
];

function ByInstance({ service: { byInstance } }: { readonly service: ServiceDetail }) {
  return (
    <section>
      <h2>By instance</h2>
      <Table label="By instance" columns={instanceColumns}>
        {byInstance.map(({ id, name, perSecond, successRate, p50Ms, p99Ms }) => (
          <tr key={id}>
            <th scope="row" class="t">
              {name}
            </th>
            <td>{rate(perSecond)}</td>
            <td class={(successRate ?? 1) < 0.99 ? "bad" : undefined}>{percent(successRate)}</td>
            <td>{millis(p50Ms)}</td>
            <td>{millis(p99Ms)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
