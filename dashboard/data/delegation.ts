// How a name resolves, as `/delegator.json` says it, and which of its branches calls take.

export interface Delegation {
  readonly type:
    | "delegate"
    | "alt"
    | "union"
    | "leaf"
    | "neg"
    | "empty"
    | "fail"
    | "exception"
    | "transformation"
    | "pending";
  readonly path: string;
  /** What led here; of the first node none. */
  readonly dentry?: { readonly prefix: string; readonly dst: string };
  /** Of a transformation. */
  readonly name?: string;
  readonly message?: string;
  readonly delegate?: Delegation;
  readonly alt?: readonly Delegation[];
  readonly union?: readonly { readonly weight: number; readonly tree: Delegation }[];
  readonly tree?: Delegation;
  readonly bound?: { readonly addr: Addresses; readonly id: string; readonly path: string };
}

export interface Addresses {
  readonly type: "bound" | "neg" | "pending" | "failed";
  readonly cause?: string;
  readonly addrs?: readonly {
    readonly ip: string;
    readonly port: number;
    readonly meta?: Readonly<Record<string, unknown>>;
  }[];
}

/** What a branch comes to, as the process decides. `neg`: the next alternative is tried; all else ends the search. */
export type Outcome = "leaf" | "neg" | "empty" | "fail" | "exception" | "pending";

export function outcomeOf(node: Delegation): Outcome {
  switch (node.type) {
    case "delegate":
    case "transformation": {
      const child = node.delegate ?? node.tree;
      return child === undefined ? "neg" : outcomeOf(child);
    }
    case "alt":
      return (node.alt ?? []).map(outcomeOf).find((outcome) => outcome !== "neg") ?? "neg";
    case "union":
      return unionOutcome((node.union ?? []).map(({ tree }) => outcomeOf(tree)));
    default:
      return node.type;
  }
}

/** A branch that leads somewhere carries the others. */
function unionOutcome(outcomes: readonly Outcome[]): Outcome {
  if (outcomes.includes("leaf")) return "leaf";
  if (outcomes.includes("empty")) return "empty";
  if (outcomes.includes("neg") || outcomes.includes("fail")) return "neg";
  return outcomes.includes("exception") ? "exception" : "pending";
}

/** Whether some address is at the end of the branches that calls take. */
export function reachesAddress(node: Delegation): boolean {
  if (node.type === "leaf") {
    return node.bound?.addr.type === "bound" && node.bound.addr.addrs?.length !== 0;
  }
  return branchesOf(node).some(({ node: below, isUsed }) => isUsed && reachesAddress(below));
}

/** A node below another, and whether calls that come to the other go on to it. */
export interface Branch {
  readonly node: Delegation;
  readonly isUsed: boolean;
  /** Of a union: its share of the calls that some branch of it takes, 0 to 1. */
  readonly share: number | null;
}

export function branchesOf(node: Delegation): Branch[] {
  const one = node.delegate ?? node.tree;
  if (one !== undefined) return [{ node: one, isUsed: true, share: null }];
  if (node.union !== undefined) return unionBranches(node.union);
  const alternatives = node.alt ?? [];
  const used = alternatives.findIndex((each) => outcomeOf(each) !== "neg");
  return alternatives.map((each, i) => ({ node: each, isUsed: i === used, share: null }));
}

function unionBranches(union: NonNullable<Delegation["union"]>): Branch[] {
  const takes = union.map(({ tree }) => outcomeOf(tree) === "leaf");
  const total = union.reduce((sum, { weight }, i) => sum + (takes[i] === true ? weight : 0), 0);
  return union.map(({ weight, tree }, i) => {
    const isUsed = takes[i] === true && weight > 0;
    return { node: tree, isUsed, share: isUsed && total > 0 ? weight / total : 0 };
  });
}
