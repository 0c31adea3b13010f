// An admin server that does not behave, asked by a command.
import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { AdminClient } from "../../src/commands/remote/admin-client.ts";
import { service } from "../support/service.ts";

const piece = Buffer.alloc(64 * 1024, "x");

/** Sends as fast as it is read, without end. */
function flood(response: ServerResponse): void {
  while (!response.destroyed && response.write(piece));
  if (!response.destroyed) response.once("drain", () => flood(response));
}

test("a refusal without end is read up to a few kilobytes", async (t) => {
  const strange = await service(t, (_, response) => flood(response.writeHead(500)));
  const client = new AdminClient(`http://127.0.0.1:${strange.port}`, null);
  await assert.rejects(client.text("/problems.json"), /\/problems\.json: 500: x{200}$/);
});

test("a page without end is given up", async (t) => {
  const strange = await service(t, (_, response) => flood(response));
  const client = new AdminClient(`http://127.0.0.1:${strange.port}`, null);
  await assert.rejects(client.text("/problems.json"), /sent more than 67108864 bytes/);
});
