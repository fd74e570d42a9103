import { judgePf, type PfPacket } from "../../pf/judge-pf.ts";
import type { PfParsedRule } from "../../pf/pf-ruleset.ts";
import type { FakePf } from "./fake-pf.ts";

/** Whether PF lets a packet go, from the main ruleset on through every anchor; the rule that decides counts it. */
export function passesPf(pf: FakePf, packet: PfPacket): boolean {
  if (!pf.enabled || pf.isDisregarded || pf.skipped.has(packet.device)) return true;
  const { last } = decide(
    pf,
    pf.main.map(({ rule }) => rule),
    "",
    packet,
  );
  if (last !== undefined) pf.matched.set(last, (pf.matched.get(last) ?? 0) + 1);
  return last?.action !== "block";
}

interface Decision {
  readonly last: PfParsedRule | undefined;
  readonly isFinal: boolean;
}

/** The last rule that matches decides, quick ends the search (pf-notes 4); anchors that are only called are looked up. */
function decide(pf: FakePf, rules: readonly PfParsedRule[], path: string, packet: PfPacket): Decision {
  let last: PfParsedRule | undefined;
  for (const rule of rules) {
    if (rule.action === "anchor" && rule.body === undefined) {
      for (const called of anchorsMeant(pf, rule.anchor ?? "", path)) {
        const inner = decide(pf, pf.anchors.get(called)?.rules ?? [], called, packet);
        last = inner.last ?? last;
        if (inner.isFinal) return inner;
      }
      continue;
    }
    const tables = pf.anchors.get(path)?.tables ?? new Map();
    const { rule: hit } = judgePf({ rules: [known(rule)], tables }, path, packet);
    if (hit === undefined) continue;
    last = rule.action === "anchor" ? hit : rule;
    if (hit.quick) return { last, isFinal: true };
  }
  return { last, isFinal: false };
}

/** The judge is for what awg emits; what states a foreign rule would make is nobody's matter here. */
function known({ options: { state: _state, ...options }, ...rule }: PfParsedRule): PfParsedRule {
  return { ...rule, options: rule.action === "pass" ? { ...options, state: "none", flags: "any" } : options };
}

function anchorsMeant(pf: FakePf, called: string, from: string): readonly string[] {
  const absolute = called.startsWith("/") ? called.slice(1) : from === "" ? called : `${from}/${called}`;
  if (!absolute.endsWith("/*")) return [absolute];
  const parent = absolute.slice(0, -1);
  return [...pf.anchors.keys()]
    .filter((path) => path.startsWith(parent) && !path.slice(parent.length).includes("/"))
    .sort();
}
