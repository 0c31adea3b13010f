// The kinds of this build, as far as the configuration looks at them.
import { http } from "../../protocols/http/index.ts";
import type { Kinds } from "../../src/config/kinds.ts";
import { defaultInterpreter } from "../../src/naming/interpreters/default.ts";
import { fsInterpreter } from "../../src/naming/interpreters/fs.ts";
import { fs } from "../../src/naming/namers/fs.ts";
import { rewrite } from "../../src/naming/namers/rewrite.ts";
import { staticNamer } from "../../src/naming/namers/static.ts";
import { constTransformer } from "../../src/naming/transformers/const.ts";
import { localhost } from "../../src/naming/transformers/localhost.ts";
import { port } from "../../src/naming/transformers/port.ts";
import { replace } from "../../src/naming/transformers/replace.ts";
import { specificHost } from "../../src/naming/transformers/specific-host.ts";
import { consecutiveFailures } from "../../src/routing/accruals/consecutive-failures.ts";
import { none } from "../../src/routing/accruals/none.ts";
import { aperture } from "../../src/routing/balancers/aperture.ts";
import { ewma } from "../../src/routing/balancers/ewma.ts";
import { heap } from "../../src/routing/balancers/heap.ts";
import { p2c } from "../../src/routing/balancers/p2c.ts";
import { roundRobin } from "../../src/routing/balancers/round-robin.ts";
import { prometheus } from "../../src/telemetry/prometheus.ts";

export const kinds: Kinds = {
  protocols: [http],
  namers: [fs, rewrite, staticNamer],
  interpreters: [defaultInterpreter, fsInterpreter],
  transformers: [localhost, specificHost, port, constTransformer, replace],
  balancers: [p2c, ewma, aperture, heap, roundRobin],
  accruals: [consecutiveFailures, none],
  telemeters: [prometheus],
};
