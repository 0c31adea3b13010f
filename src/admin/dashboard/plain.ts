// What programs and terminals get from pages that browsers see as a page.
import type { AdminViews } from "../views.ts";

export function loggingText(views: AdminViews): string {
  const levels = views.logLevels().map(({ logger, level }) => `${level.padEnd(8)} ${logger}`);
  return [
    ...levels,
    "",
    "To change one: curl -d 'logger=root&level=DEBUG' .../logging.json",
    "Levels: ALL TRACE DEBUG INFO WARNING ERROR CRITICAL FATAL OFF",
    "",
  ].join("\n");
}

export function helpText({ build }: AdminViews): string {
  return [
    `${build.name} ${build.version}`,
    "",
    "/                             dashboard",
    "/admin                        all pages",
    "/admin/ready                  200 when calls are taken",
    "/admin/metrics.json           metrics; ?q=rt/http/server, ?pretty=1, ?tree=1",
    "/admin/metrics/prometheus     metrics for Prometheus",
    "/delegator.json?path=/svc/x   how a name resolves; &namespace=<router>",
    "/client_state.json            clients and their addresses",
    "/admin/lint                   what looks wrong in this process",
    "",
    "On the command line: switchyard check FILE, switchyard explain FILE NAME",
    "",
  ].join("\n");
}
