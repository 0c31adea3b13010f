// `allow` of a server: which callers, by their certificates, may call which names.
import { failure } from "../core/failure.ts";
import type { Failure } from "../core/failure.ts";
import type { Path } from "../core/names/path.ts";
import type { AllowRule, SanPattern } from "../core/names/san-pattern.ts";
import type { Request } from "../core/request.ts";
import type { Counter } from "../core/stats.ts";
import type { PeerIdentity } from "../core/tls/tls.ts";

/** Why a request that has its logical name may not be sent on; null: it may. */
export type Guard = (request: Request) => Failure | null;

/** Names of one caller whose verdicts are remembered. */
const maxVerdicts = 1_000;

/** What the rules say of one caller. */
interface Permit {
  readonly rules: readonly AllowRule[];
  readonly verdicts: Map<Path, Failure | null>;
}

const noRules: Permit = { rules: [], verdicts: new Map() };

/** `setting` names the rules for people: `servers[0].allow of router users`. */
export function guardOf(allow: readonly AllowRule[], setting: string, refused: Counter): Guard {
  const permits = new WeakMap<PeerIdentity, Permit>();
  const permitOf = (identity: PeerIdentity): Permit => {
    let permit = permits.get(identity);
    if (permit === undefined) {
      const rules = allow.filter(({ san }) => isNamed(identity, san));
      permits.set(identity, (permit = { rules, verdicts: new Map() }));
    }
    return permit;
  };
  return ({ peer, logicalName }) => {
    if (logicalName === null) throw new Error("bug: a call is judged before it has a name");
    const identity = peer?.identity ?? null;
    const permit = identity === null ? noRules : permitOf(identity);
    let verdict = permit.verdicts.get(logicalName);
    if (verdict === undefined) {
      verdict = judge(permit, logicalName, identity, setting);
      if (permit.verdicts.size >= maxVerdicts) permit.verdicts.clear();
      permit.verdicts.set(logicalName, verdict);
    }
    if (verdict !== null) refused.value++;
    return verdict;
  };
}

function isNamed({ alternatives }: PeerIdentity, san: SanPattern): boolean {
  return alternatives.some(({ value }) => san.matches(value));
}

function judge(
  { rules }: Permit,
  name: Path,
  identity: PeerIdentity | null,
  setting: string,
): Failure | null {
  const permits = ({ paths }: AllowRule) =>
    paths === null || paths.some((pattern) => pattern.match(name) !== null);
  if (rules.some(permits)) return null;
  const who = identity === null ? "a caller without a certificate" : identity.shown;
  const why = rules.length === 0 ? "no san there matches" : "the paths there do not permit it";
  return {
    ...failure("forbidden", `${who} may not call ${name}: ${why} (${setting})`),
    advice: `Add an entry with this caller's san and a path that begins ${name} to ${setting}.`,
  };
}
