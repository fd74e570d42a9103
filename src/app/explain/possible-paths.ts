import type { FlowRule } from "../../model/firewall/policy.ts";
import { reasonText } from "../../model/text/origin-text.ts";
import type { ExplainedPath, ExplainedSide, Explanation } from "./explanation.ts";

/** A side where awg cannot read what decides. */
const UNKNOWN_SIDE: ExplainedSide = {
  path: "(undecided)",
  reason: "",
  mark: 0,
  device: "(undecided)",
  verdict: "unknown",
  verdictBy: [],
};

/** One path for each rule that may decide, in the order of the rules. Pure. */
export function distinctPaths<T extends { readonly side: ExplainedSide }>(
  paths: readonly T[],
  rules: readonly FlowRule[],
): T[] {
  const distinct = new Map(paths.map((one) => [`${one.side.reason} ${outcomeOf(one.side)}`, one]));
  const place = ({ side }: T) => {
    const at = rules.findIndex(({ origin }) => side.reason.endsWith(` ${origin}`));
    return at < 0 ? rules.length : at;
  };
  return [...distinct.values()].toSorted((a, b) => place(a) - place(b));
}

/** The common path of all, or an unknown one with all that are possible. Pure. */
export function combined(paths: readonly ExplainedPath[], why: string): ExplainedPath & Pick<Explanation, "undecided"> {
  const [first, ...others] = paths;
  if (first === undefined) throw new Error("a flow has no path at all");
  if (others.length === 0) return first;
  const union = (of: (path: ExplainedPath) => readonly string[]) => [...new Set(paths.flatMap(of))];
  const notes = union((path) => path.notes);
  const disagreements = union((path) => path.disagreements);
  const declared = commonSide(paths.map((path) => path.declared));
  const live = commonSide(paths.map((path) => path.live));
  if (declared !== undefined && live !== undefined) {
    const rules = union((path) => [reasonText(path.declared.reason)]).join(", ");
    const sides = { declared: withoutClass(declared), live: withoutClass(live) };
    return { ...first, ...sides, disagreements, notes: [...notes, `${why}, but all give this path: ${rules}`] };
  }
  return {
    declared: declared ?? UNKNOWN_SIDE,
    live: live ?? UNKNOWN_SIDE,
    undecided: { why, paths },
    disagreements,
    notes,
  };
}

/** The side on which all agree; undefined where they do not. */
function commonSide(sides: readonly ExplainedSide[]): ExplainedSide | undefined {
  return new Set(sides.map(outcomeOf)).size === 1 ? sides[0] : undefined;
}

function withoutClass({ socketClass: _class, ...side }: ExplainedSide): ExplainedSide {
  return side;
}

/** What is dropped leaves by no device. */
function outcomeOf({ path, device, verdict }: ExplainedSide): string {
  return verdict === "drop" ? `${path} ${verdict}` : `${path} ${device} ${verdict}`;
}
