// The demo under a real Prometheus with the rules of deploy/: alerts fire when it breaks, and end when it is
// whole again; every panel of the dashboards shows something. The test shortens what the files say of time:
// how often is scraped, and for how long an alert must last.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { parse } from "yaml";
import type { Fleet } from "../../demo/fleet.ts";
import { sendRequest } from "../../demo/http.ts";
import { dashboards, deployedText, filledIn } from "../support/deployed.ts";
import { hasPrometheus, startPrometheus } from "../support/prometheus.ts";
import type { Prometheus } from "../support/prometheus.ts";
import { keepConverting, startDemo } from "../support/running-demo.ts";
import { until } from "../support/until.ts";

/** Without their `for`, these fire wherever other tests run at the same time. */
const isOfBusyMachine = /^Switchyard(?:EventLoopLate|Busy|ServiceSlow) /;

interface ScrapeConfig {
  readonly scrape_configs: readonly object[];
}

async function prometheusFor(t: TestContext, fleet: Fleet): Promise<Prometheus> {
  const config = parse(deployedText("scrape.yml")) as ScrapeConfig;
  const targets = fleet.instances.map(({ ports }) => `127.0.0.1:${ports.admin}`);
  const often = { scrape_interval: "400ms", scrape_timeout: "400ms", evaluation_interval: "200ms" };
  const alerts = deployedText("alerts.yml").replace(/^( +for:) \w+$/gm, "$1 0s");
  return startPrometheus(
    t,
    {
      ...config,
      global: often,
      scrape_configs: config.scrape_configs.map((each) => ({
        ...each,
        static_configs: [{ targets }],
      })),
    },
    { "alerts.yml": alerts, "recording.yml": deployedText("recording.yml") },
  );
}

test("alerts fire when the demo breaks and end when it is whole again, and every panel shows something", async (t) => {
  if (!hasPrometheus(t)) return;
  const fleet = await startDemo(t);
  const prometheus = await prometheusFor(t, fleet);
  const nameOf = new Map(
    fleet.instances.map(({ name, ports }) => [`127.0.0.1:${ports.admin}`, name]),
  );
  /** Such as `SwitchyardDown of web`. */
  const firing = async (): Promise<readonly string[]> => {
    const alerts = (await prometheus.alerts()).filter(({ state }) => state === "firing");
    return alerts.map(({ labels: { alertname, instance, service, client } }) =>
      [alertname, "of", nameOf.get(instance ?? "") ?? service, client ?? ""].join(" ").trim(),
    );
  };
  const fires = (alert: string) =>
    until(firing, (alerts) => alerts.includes(alert), `${alert} fires`);
  const ends = (alert: string) =>
    until(firing, (alerts) => !alerts.includes(alert), `${alert} ends`);
  const [one, two] = ["rates-1", "rates-2"].map((name) => fleet.instance(name)!);

  keepConverting(t, fleet);
  const success = 'switchyard:service_success:rate5m{service="svc/rates"} > 0';
  await until(
    () => prometheus.query(success),
    (found) => found.length > 0,
    "calls are counted",
  );
  const isWell = (alerts: readonly string[]) => alerts.every((each) => isOfBusyMachine.test(each));
  await until(firing, isWell, "no alert while all is well");

  await one!.kill();
  await fires("SwitchyardDown of rates-1");
  await fires("SwitchyardEndpointsEjected of converter #/io.l5d.fs/rates");
  await two!.kill();
  await fires("SwitchyardNoEndpoint of converter #/io.l5d.fs/rates");
  await fires("SwitchyardServiceDegraded of svc/rates");
  await everyPanelShowsSomething(prometheus);

  for (const each of [one!, two!]) assert.equal(await each.start(), null);
  await ends("SwitchyardDown of rates-1");
  await ends("SwitchyardNoEndpoint of converter #/io.l5d.fs/rates");
  await ends("SwitchyardEndpointsEjected of converter #/io.l5d.fs/rates");

  const { outgoing } = fleet.instance("web")!.ports.http;
  const lost = () => sendRequest(`http://127.0.0.1:${outgoing}/`, { headers: { host: "nobody" } });
  const nowhere = "SwitchyardNameLeadsNowhere of web";
  await until(
    async () => (await lost(), firing()),
    (alerts) => alerts.includes(nowhere),
    nowhere,
  );
});

async function everyPanelShowsSomething(prometheus: Prometheus): Promise<void> {
  for (const { title, panels } of dashboards()) {
    for (const panel of panels) {
      for (const { expr } of panel.targets ?? []) {
        const sent = filledIn(expr).replaceAll('service=".*"', 'service="svc/rates"');
        const what = `${title}: ${panel.title} shows something: ${expr}`;
        await until(
          () => prometheus.query(sent),
          (found) => found.length > 0,
          what,
        );
      }
    }
  }
}
