// A name server needs a place for its dtabs and a way to be asked.
import type { Finding } from "../yaml/locate.ts";
import type { Data } from "./untyped.ts";

export function halfNameServer(file: Data): Finding[] {
  const given = ["storage", "interfaces"].filter((key) => file[key] !== undefined);
  const [only] = given;
  if (only === undefined || given.length === 2) return [];
  const message =
    only === "storage"
      ? "a name server with a storage also needs interfaces: a list, such as [{ kind: io.l5d.httpController }]"
      : "a name server with interfaces also needs a storage, such as { kind: io.l5d.fs, rootDir: ./dtabs }";
  return [{ steps: [only], at: "key", message }];
}
