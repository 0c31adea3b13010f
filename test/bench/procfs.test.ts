import assert from "node:assert/strict";
import { test } from "node:test";
import {
  memoryOf,
  parseKilobytes,
  parseStat,
  processTree,
  processorTimeOf,
} from "../../bench/lib/procfs.ts";

const isLinux = process.platform === "linux";
const skip = isLinux ? false : "needs Linux's /proc";

test("a stat line is read whatever the process is called", () => {
  for (const name of ["nginx", "a b", "x) R 1", "((", ""]) {
    const line = `4711 (${name}) S 17 4711 4711 0 -1 4194304 98 0 0 0 101 202 303 404 20 0 1 0 153936`;
    assert.deepEqual(parseStat(line), {
      parentPid: 17,
      userTicks: 101,
      systemTicks: 202,
      childUserTicks: 303,
      childSystemTicks: 404,
    });
  }
});

test("a stat line that is cut short is refused, not read as zero", () => {
  assert.throws(() => parseStat("4711 (nginx) S 17 4711"), /without field 14/);
});

test("memory lines are kilobytes; one that is not there is null", () => {
  const text = "Name:\tnode\nVmPeak:\t  900 kB\nVmRSS:\t  64 kB\nThreads:\t11\n";
  assert.equal(parseKilobytes(text, "VmRSS"), 64 * 1024);
  assert.equal(parseKilobytes(text, "Pss"), null);
  assert.equal(parseKilobytes(text, "Threads"), null);
});

test("this very process has used time and memory", { skip }, () => {
  const { userS, systemS } = processorTimeOf(process.pid);
  assert.ok(userS + systemS > 0);
  const { rssBytes } = memoryOf(process.pid);
  const own = process.memoryUsage().rss;
  assert.ok(rssBytes > own / 2 && rssBytes < own * 2, `${rssBytes} against ${own}`);
});

test("a process that has ended used nothing, and is no error", { skip }, () => {
  const beyondAllPids = 2 ** 22 + 1;
  assert.deepEqual(processTree(beyondAllPids), [beyondAllPids]);
  assert.deepEqual(processorTimeOf(beyondAllPids), { userS: 0, systemS: 0 });
});

test("a parent's tree holds its child", { skip }, () => {
  assert.ok(processTree(process.ppid).includes(process.pid));
});
