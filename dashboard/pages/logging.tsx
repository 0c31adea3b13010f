// The loggers of the process and their levels, to be changed while it runs.
import { useState } from "preact/hooks";
import { readJson, useJson } from "../data/json.ts";
import { Table } from "../parts/table.tsx";

interface Logger {
  readonly logger: string;
  readonly level: string;
}

const levels = ["ALL", "TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "FATAL", "OFF"];
const periodMs = 5_000;

export function LoggingPage() {
  const loaded = useJson<readonly Logger[]>("logging.json", periodMs);
  const [changed, setChanged] = useState<ReadonlyMap<string, string>>(new Map());
  const [problem, setProblem] = useState("");
  const change = async (logger: string, level: string) => {
    const body = new URLSearchParams({ logger, level });
    const result = await readJson("logging.json", { method: "POST", body });
    setProblem(result.name === "failed" ? result.why : "");
    if (result.name !== "ok") return;
    // The root sets all.
    setChanged(
      logger === "root" ? new Map([[logger, level]]) : new Map([...changed, [logger, level]]),
    );
  };
  if (loaded.name === "loading") return null;
  if (loaded.name === "failed") return <p class="bad">{loaded.why}</p>;
  return (
    <>
      <h1>Logging</h1>
      <p class="dim">
        The log goes to standard error, one event a line. A change lasts until the process ends;
        root sets all loggers, also those to come.
      </p>
      <p class="bad" role="alert">
        {problem}
      </p>
      <Table
        label="Loggers"
        columns={[
          { head: "logger", isText: true },
          { head: "level", isText: true },
        ]}
      >
        {loaded.value.map(({ logger, level }) => (
          <tr key={logger}>
            <th scope="row" class="t m">
              {logger}
            </th>
            <td class="t">
              <select
                aria-label={`Level of ${logger}`}
                value={changed.get(logger) ?? changed.get("root") ?? level}
                onChange={(event) => void change(logger, event.currentTarget.value)}
              >
                {levels.map((each) => (
                  <option>{each}</option>
                ))}
              </select>
            </td>
          </tr>
        ))}
      </Table>
    </>
  );
}
