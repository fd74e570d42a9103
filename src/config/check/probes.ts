import type { ProbeType } from "../../model/resources/probe.ts";
import { quote } from "../field/leaf.ts";
import { PROBE_TARGETS, parseProbeTarget } from "../field/probe-target.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Every probe has a unique name, a target of its type, and a path that lets traffic pass. */
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
        `probe ${first + 1} has the same name`,
        "use unique names",
      );
    if (parseProbeTarget(type, target) === undefined) checkTarget(context, [...path, "target"], type, target);
    if (via?.kind === "block")
      context.report("probe-path", [...path, "via"], "this path drops everything", "use a tunnel, or remove it");
    if (type === "dns" && via !== undefined) {
      const message = "a dns probe uses the system resolver, and its path is dns.via";
      context.report("probe-path", [...path, "via"], message, "remove it");
    }
  }
}

/** A URL with a password is refused, and not quoted. */
function checkTarget(context: CheckContext, path: NodePath, type: ProbeType, target: string): void {
  const isSecret = target.includes("@");
  if (isSecret) context.hide(path);
  const what = isSecret ? "a target with a user name" : quote(target);
  const article = type === "http" ? "an" : "a";
  context.report(
    "probe-target",
    path,
    `${what} is not a target for ${article} ${type} probe`,
    `use ${PROBE_TARGETS[type]}`,
  );
}
