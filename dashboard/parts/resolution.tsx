// What discovery makes of a path at this moment, under the router's own dtab or another.
import { useEffect, useState } from "preact/hooks";
import type { Delegation } from "../data/delegation.ts";
import { readJson, type Loaded } from "../data/json.ts";
import { address } from "../data/route.ts";
import { DelegationTree, Verdict } from "./delegation-tree.tsx";

interface Question {
  readonly router: string | null;
  readonly path: string;
  readonly dtab: string | null;
}

/** Asks again every few seconds: discovery goes on. */
export function Resolution({ router, path, dtab }: Question) {
  const [loaded, show] = useState<Loaded<Delegation>>({ name: "loading" });
  useEffect(() => {
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const read = async () => {
      const found = await delegationOf({ router, path, dtab });
      if (isOver) return;
      show(found);
      timer = setTimeout(() => void read(), periodMs);
    };
    void read();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [router, path, dtab]);
  switch (loaded.name) {
    case "loading":
      return <p class="dim">Asking discovery …</p>;
    case "failed":
      return (
        <p class="bad" role="alert">
          {loaded.why}
        </p>
      );
    case "ok":
      return (
        <section class="result">
          <Verdict root={loaded.value} />
          <DelegationTree root={loaded.value} router={router} />
        </section>
      );
    default:
      return loaded satisfies never;
  }
}

const periodMs = 5_000;

function delegationOf({ router, path, dtab }: Question): Promise<Loaded<Delegation>> {
  if (dtab === null) return readJson(address("delegator.json", { namespace: router, path }));
  return readJson("delegator.json", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ namespace: router, path, dtab }),
  });
}
