import { type AddressText, list, type PfAnchor, type PfNode } from "../pf-rule.ts";
import { possibleRule } from "../possible-rule.ts";
import { canonicalText, UNCONDITIONAL } from "./canonical-rule.ts";
import { expandedTexts } from "./expand-rule.ts";

/** Path of an anchor, and the groups of canonical texts that its rules come to; inner anchors behind it. */
export type AnchorGroups = readonly [path: string, groups: readonly (readonly string[])[]];

/** What the kernel should hold of these nodes in the anchor `path` and in those written inside it. */
export function anchorGroups(path: string, nodes: readonly PfNode[], addressText: AddressText): AnchorGroups[] {
  const groups = nodes.map((node): readonly string[] => {
    if (!("action" in node)) return callTexts(node);
    const rule = possibleRule(node);
    return rule === undefined ? [] : expandedTexts(rule, addressText);
  });
  const inner = nodes.flatMap((node) =>
    "action" in node ? [] : anchorGroups(`${path}/${node.name}`, node.body, list),
  );
  return [[path, groups.filter((group) => group.length > 0)], ...inner];
}

/** The canonical text of a rule that calls an anchor for every packet. */
export function anchorCallText(name: string): string {
  return callTexts({ name, call: {} }).join();
}

function callTexts({ name, call }: Pick<PfAnchor, "name" | "call">): string[] {
  const interfaces = call.on ?? (call.notOn === undefined ? [""] : [`!${call.notOn}`]);
  return interfaces.map((on) =>
    canonicalText({
      ...UNCONDITIONAL,
      action: `anchor ${name}`,
      direction: call.direction ?? "",
      on,
    }),
  );
}
