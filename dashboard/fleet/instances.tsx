// Every instance: how it stands, what it does, which version and configuration it runs.
import type { InstanceView } from "../../src/fleet/views/shapes.ts";
import { lasting, millis, percent, rate } from "../data/words.ts";
import { Table, type Column } from "../parts/table.tsx";

const columns: readonly Column[] = [
  { head: "instance", isText: true },
  { head: "state", isText: true },
  { head: "calls/s" },
  { head: "success" },
  { head: "p99 ms" },
  { head: "problems", isWide: true },
  { head: "up for", isWide: true },
  { head: "version", isWide: true },
  { head: "configuration", isWide: true, title: "hash of the file: equal hashes, equal files" },
];

interface InstancesProps {
  readonly instances: readonly InstanceView[];
  readonly at: string;
}

export function Instances({ instances, at }: InstancesProps) {
  return (
    <section>
      <h2>Instances</h2>
      <Table label="Instances" columns={columns}>
        {instances.map((instance) => (
          <Line key={instance.id} instance={instance} at={at} />
        ))}
      </Table>
    </section>
  );
}

function Line({ instance, at }: { readonly instance: InstanceView; readonly at: string }) {
  const { name, id, url, state, text, incoming, version, configHash, startedAt, problems } =
    instance;
  const isDown = state === "down";
  const all = problems.critical + problems.warning + problems.notice;
  return (
    <tr>
      <th scope="row" class="t whole">
        <a href={url}>{name}</a> {name === id ? null : <span class="dim m wide-inline">{id}</span>}
      </th>
      <td class={isDown ? "t wrap bad" : state === "ready" ? "t wrap" : "t wrap warn"}>{text}</td>
      <td>{isDown ? "–" : rate(incoming.perSecond)}</td>
      <td>{percent(incoming.successRate)}</td>
      <td>{millis(incoming.p99Ms)}</td>
      <td class={problems.critical > 0 ? "wide bad" : "wide"}>{all === 0 ? "–" : all}</td>
      <td class="wide">
        {startedAt === null || isDown ? "–" : lasting(Date.parse(at) - Date.parse(startedAt))}
      </td>
      <td class="wide">{version ?? "–"}</td>
      <td class="wide m">{configHash ?? "–"}</td>
    </tr>
  );
}
