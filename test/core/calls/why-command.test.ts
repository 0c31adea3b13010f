// The commands that errors print: one line that a shell takes as it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { whyCallCommand, whyNameCommand } from "../../../src/core/calls/why-command.ts";
import { emptyDtab } from "../../../src/core/names/dtab.ts";

const asked = { adminUrl: "http://127.0.0.1:9990", label: "out" };

test("what callers choose is one word of the shell", () => {
  for (const [name, word] of [
    ["/svc/web", "/svc/web"],
    ["/svc/$HOME", "'/svc/$HOME'"],
    ["/svc/a\\x20b", "'/svc/a\\x20b'"],
    ["/svc/it's", `'/svc/it'\\''s'`],
  ] as const) {
    const command = whyNameCommand(asked, name, emptyDtab);
    assert.equal(command, `switchyard why http://127.0.0.1:9990 ${word} --router out`);
  }
});

test("without an admin server a file is asked, and nobody knows a call", () => {
  const command = whyNameCommand({ label: "my router" }, "/svc/web", emptyDtab);
  assert.equal(command, "switchyard explain FILE /svc/web --router 'my router'");
  assert.equal(whyCallCommand({ label: "out" }, "00"), null);
});
