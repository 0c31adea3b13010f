// Looks at whom the admin server would let in.
import { readFileSync } from "node:fs";
import { isLoopback } from "../../core/address.ts";
import { tokensOf } from "../../runtime/token-file.ts";
import type { Finding } from "../yaml/locate.ts";
import type { Step } from "../yaml/yaml.ts";
import { fieldsOf } from "./untyped.ts";
import type { Data } from "./untyped.ts";

/** Warnings. Works on data that may be wrong elsewhere. */
export function adminFindings(file: unknown): Finding[] {
  const admin = fieldsOf(fieldsOf(file)["admin"]);
  return [...exposure(admin), ...openedInVain(admin), ...tokenFindings(admin)];
}

function exposure(admin: Data): Finding[] {
  const { ip, token, tls } = admin;
  if (typeof ip !== "string" || isLoopback(ip)) return [];
  if (token === undefined && !knowsCallers(admin)) {
    const message =
      "whoever reaches this address can read names, addresses, metrics and the configuration: write token, " +
      "or tls with requireClientAuth and caCertPath";
    return [warning(["ip"], message)];
  }
  if (token === undefined || tls !== undefined) return [];
  return [warning(["token"], "the token crosses the network in plain text: write tls as well")];
}

function openedInVain(admin: Data): Finding[] {
  const { ip, token, security } = admin;
  const isOpen = typeof ip === "string" && !isLoopback(ip);
  if (!isOpen || token !== undefined || knowsCallers(admin)) return [];
  return ["controlEnabled", "diagnosticsEnabled"].flatMap((key) => {
    if (fieldsOf(security)[key] !== true) return [];
    const message =
      "does not open what harms the process (/admin/shutdown, /faults.json, /admin/heap, /admin/profile) to " +
      "strangers beyond loopback: write token, or tls with requireClientAuth and caCertPath";
    return [warning(["security", key], message)];
  });
}

/** With the system's CAs, anybody can get a certificate. */
function knowsCallers({ tls }: Data): boolean {
  const { requireClientAuth, caCertPath } = fieldsOf(tls);
  return requireClientAuth === true && caCertPath !== undefined;
}

function tokenFindings({ token }: Data): Finding[] {
  if (typeof token !== "string" || token === "") return [];
  try {
    tokensOf(readFileSync(token, "utf8"));
    return [];
  } catch (error) {
    // The path is not shown: it may be the token, by mistake.
    const { code, message } = error as NodeJS.ErrnoException;
    const why =
      code === "ENOENT"
        ? "there is no such file (it has to be the path of a file with the token)"
        : code === undefined
          ? message
          : `the file cannot be read (${code})`;
    return [{ ...warning(["token"], `${why}: run does not start`), preventsRun: true }];
  }
}

function warning(steps: readonly Step[], message: string): Finding {
  return { steps: ["admin", ...steps], at: "value", message };
}
