// `opportunisticTls` says when TLS begins, and `tls` with what.
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { entriesOf, fieldsOf, mapsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** Errors: TLS is offered, and there is none. */
export function opportunisticWithoutTls(router: Data, steps: readonly Step[]): Finding[] {
  const servers = mapsOf(router["servers"]).map(({ data, index }) => ({
    data,
    steps: [...steps, "servers", index],
  }));
  // With io.l5d.static, another entry may have `tls`: whether it applies depends on the name.
  const clients = entriesOf(router["client"], [...steps, "client"]);
  const hasClientTls = clients.some(({ data }) => hasTls(data));
  const wrong = [
    ...servers.filter(({ data }) => !hasTls(data)),
    ...clients.filter(() => !hasClientTls),
  ];
  return wrong.flatMap(({ data, steps: at }) => {
    const { opportunisticTls } = data;
    if (opportunisticTls !== "desired" && opportunisticTls !== "required") return [];
    const message = "offers TLS, and there is no tls with a certificate to do it with";
    return [{ steps: [...at, "opportunisticTls"], at: "value", message } as const];
  });
}

const hasTls = ({ tls }: Data): boolean => tls !== undefined && fieldsOf(tls)["enabled"] !== false;
