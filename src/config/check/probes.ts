import type { ProbeType } from "../../model/resources/probe.ts";
import { quote } from "../field/leaf.ts";
import { PROBE_TARGETS, parseProbeTarget } from "../field/probe-target.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Every probe has a name of its own, a target that its type takes, and a path on which something can pass. */
export function checkProbes(context: CheckContext): void {
  const names = new Map<string, number>();
  for (const [index, { name, type, target, via }] of context.config.probes.entries()) {
    const path = ["probes", index];
    const first = names.get(name);
    if (first === undefined) names.set(name, index);
    else
      context.report(
        "duplicate-probe-name",
        [...path, "name"],
        `probe ${first + 1} has this name too`,
        "give each its own",
      );
    if (parseProbeTarget(type, target) === undefined) checkTarget(context, [...path, "target"], type, target);
    if (via?.kind === "block")
      context.report(
        "probe-path",
        [...path, "via"],
        "nothing passes where all is dropped",
        "name a tunnel, or leave it out",
      );
    if (type === "dns" && via !== undefined) {
      const message = "a name is asked of the machine's resolver, whose path is dns.via";
      context.report("probe-path", [...path, "via"], message, "leave it out");
    }
  }
}

/** A URL with a password is refused, and not repeated. */
function checkTarget(context: CheckContext, path: NodePath, type: ProbeType, target: string): void {
  const isSecret = target.includes("@");
  if (isSecret) context.hide(path);
  const what = isSecret ? "a target with a user's name in it" : quote(target);
  const article = type === "http" ? "an" : "a";
  context.report(
    "probe-target",
    path,
    `${what} is nothing that ${article} ${type} probe could ask`,
    `write ${PROBE_TARGETS[type]}`,
  );
}
