// What can be done with a delegation: simplified, read once it is complete, written as JSON.
import type { Clock, Close } from "../../core/clock.ts";
import type { Live, State } from "../../core/live.ts";
import type { AddressSet, Bound, Delegation } from "../../core/naming.ts";

/**
 * Linkerd's simplification: a step that leads to its own path is one step, one alternative is a
 * plain step, alternatives of alternatives of the same path are one list.
 */
export function simplifyDelegation(delegation: Delegation): Delegation {
  switch (delegation.type) {
    case "delegate":
      return simplifyStep(delegation);
    case "alt":
      return simplifyAlt(delegation);
    case "union":
      return simplifyUnion(delegation);
    case "transformation":
      if (delegation.tree === undefined) return delegation;
      return { ...delegation, tree: simplifyDelegation(delegation.tree) };
    default:
      return delegation;
  }
}

function simplifyStep(step: Delegation): Delegation {
  if (step.delegate === undefined) return step;
  const child = simplifyDelegation(step.delegate);
  const isEnd = child.type === "neg" || child.type === "fail" || child.type === "empty";
  return isEnd || child.path !== step.path
    ? { ...step, delegate: child }
    : withRule(child, step.dentry);
}

function simplifyAlt(delegation: Delegation): Delegation {
  const { path, dentry, alt: trees = [] } = delegation;
  const [only] = trees;
  if (only === undefined) return withRule({ type: "neg", path }, dentry);
  if (trees.length === 1) {
    return simplifyStep(withRule({ type: "delegate", path, delegate: only }, dentry));
  }
  const alt = trees.map(simplifyDelegation).flatMap((tree) => {
    return tree.type === "alt" && tree.path === path ? (tree.alt ?? []) : [tree];
  });
  return { ...delegation, alt };
}

function simplifyUnion(delegation: Delegation): Delegation {
  const { path, dentry, union: branches = [] } = delegation;
  const [only] = branches;
  if (only === undefined) return withRule({ type: "neg", path }, dentry);
  if (branches.length === 1) {
    return simplifyStep(withRule({ type: "delegate", path, delegate: only.tree }, dentry));
  }
  const union = branches.map(({ weight, tree }) => ({ weight, tree: simplifyDelegation(tree) }));
  return { ...delegation, union };
}

function withRule(delegation: Delegation, dentry: Delegation["dentry"]): Delegation {
  const { dentry: _, ...bare } = delegation;
  return dentry === undefined ? bare : { ...bare, dentry };
}

/** The nodes right below a node. */
export function childrenOf(delegation: Delegation): readonly Delegation[] {
  const below = delegation.delegate ?? delegation.tree;
  if (below !== undefined) return [below];
  return delegation.alt ?? delegation.union?.map(({ tree }) => tree) ?? [];
}

type Binding = "leaf" | "neg" | "fail" | "empty" | "exception" | "pending";

/** What `bind` makes of it: `leaf` stands for any tree of bound names. */
export function bindsTo(delegation: Delegation): Binding {
  const kind = bindingOf(delegation);
  if (kind === "late") return "pending";
  return kind === "soft" ? "exception" : kind;
}

/** Whether `bind` goes on to the alternative behind it, if there is one. */
export function leavesToAlternative(delegation: Delegation): boolean {
  const kind = bindingOf(delegation);
  return kind === "neg" || kind === "late" || kind === "soft";
}

/** `late` is pending, `soft` an exception: an alternative takes the place of both, if there is one. */
type Yielding = "late" | "soft";

function bindingOf(delegation: Delegation): Binding | Yielding {
  switch (delegation.type) {
    case "alt":
      return bindingOfAlt(childrenOf(delegation));
    case "union": {
      const kinds = childrenOf(delegation).map(bindingOf);
      if (kinds.includes("leaf")) return "leaf";
      if (kinds.includes("empty")) return "empty";
      if (kinds.includes("neg") || kinds.includes("fail")) return "neg";
      if (kinds.includes("exception")) return "exception";
      if (kinds.includes("soft")) return "soft";
      return kinds.includes("late") && !kinds.includes("pending") ? "late" : "pending";
    }
    case "delegate":
    case "transformation": {
      const [child] = childrenOf(delegation);
      return child === undefined ? "neg" : bindingOf(child);
    }
    case "pending":
      return delegation.isLate === true ? "late" : "pending";
    case "exception":
      return delegation.isLate === true ? "soft" : "exception";
    default:
      return delegation.type;
  }
}

function bindingOfAlt(children: readonly Delegation[]): Binding | Yielding {
  let otherwise: "neg" | Yielding = "neg";
  // The ones behind the first that counts are not looked at: there may be thousands.
  for (const child of children) {
    const kind = bindingOf(child);
    if (kind === "late" || kind === "soft") otherwise = kind;
    else if (kind !== "neg") return kind;
  }
  return otherwise;
}

/** Whether a call of the name finds an address at this moment. Read while it is watched. */
export function reachesAddress(delegation: Delegation): boolean {
  switch (delegation.type) {
    case "leaf": {
      const state = delegation.bound?.addresses.state;
      return state?.kind === "ok" && state.value !== "neg" && state.value.length > 0;
    }
    case "alt": {
      const chosen = childrenOf(delegation).find((child) => !leavesToAlternative(child));
      return chosen !== undefined && reachesAddress(chosen);
    }
    default:
      return childrenOf(delegation).some(reachesAddress);
  }
}

/** Whether nothing in it is still waited for: neither a namer nor addresses. */
export function isSettled(delegation: Delegation): boolean {
  if (delegation.type === "pending") return false;
  if (delegation.type === "leaf" && delegation.bound?.addresses.state.kind === "pending") {
    return false;
  }
  return childrenOf(delegation).every(isSettled);
}

/**
 * Gives a delegation once it is settled, or as it is after `timeoutMs`. It is still watched while
 * `done` runs, so that addresses read there are current, and let go of afterwards. `done` may be
 * called before this returns; closing it before prevents it.
 */
export function readDelegation(
  live: Live<Delegation>,
  clock: Clock,
  timeoutMs: number,
  done: (state: State<Delegation>) => void,
): Close {
  let isOpen = true;
  const closes: Close[] = [];
  const close = () => {
    isOpen = false;
    for (const each of closes.splice(0)) each();
  };
  const finish = (state: State<Delegation>) => {
    if (!isOpen) return;
    isOpen = false;
    done(state);
    close();
  };
  const look = (state: State<Delegation>) => {
    if (state.kind === "failed" || (state.kind === "ok" && isSettled(state.value))) finish(state);
  };
  closes.push(live.watch(look));
  closes.push(clock.after(timeoutMs, () => finish(live.state)));
  look(live.state);
  return close;
}

/** As Linkerd's `/delegator.json` has it; addresses as they are now, so watch it meanwhile. */
export function delegationToJson(delegation: Delegation): Readonly<Record<string, unknown>> {
  const { type, path, dentry, name, message } = delegation;
  const { bound, delegate, alt, union, tree } = delegation;
  const json: Record<string, unknown> = { type, path }; // there may be thousands: no spreading
  if (dentry !== undefined) json["dentry"] = dentry;
  if (name !== undefined) json["name"] = name;
  if (message !== undefined) json["message"] = message;
  if (bound !== undefined) json["bound"] = boundJson(bound);
  if (delegate !== undefined) json["delegate"] = delegationToJson(delegate);
  if (alt !== undefined) json["alt"] = alt.map(delegationToJson);
  if (union !== undefined) json["union"] = union.map(branchJson);
  if (tree !== undefined) json["tree"] = delegationToJson(tree);
  return json;
}

function branchJson(branch: { readonly weight: number; readonly tree: Delegation }) {
  return { weight: branch.weight, tree: delegationToJson(branch.tree) };
}

function boundJson(bound: Bound) {
  return { addr: addressesJson(bound.addresses.state), id: bound.id, path: bound.residual };
}

/** `{type: bound, addrs: [{ip, port, meta}], meta}`, `{type: neg}`, `{type: pending}`, ... */
export function addressesJson(state: State<AddressSet>): Readonly<Record<string, unknown>> {
  if (state.kind === "pending") return { type: "pending" };
  if (state.kind === "failed") return { type: "failed", cause: state.why.detail };
  if (state.value === "neg") return { type: "neg" };
  const addrs = state.value.map(({ host, port, weight, meta }) => ({
    ip: host,
    port,
    meta: { ...meta, ...(weight === 1 ? {} : { endpoint_addr_weight: weight }) },
  }));
  return { type: "bound", addrs, meta: {} };
}
