import type { HookName } from "../../../native/linux/nftables/chain.codec.ts";
import type { VerifyFinding } from "../../finding.ts";
import { POSSIBLE } from "../../policy/possible-packets.ts";
import { all, any, deviceIn } from "../../space/packet-fields.ts";
import { isMet } from "../packet-paths.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, type WritingRule, writingRules } from "../read-tables.ts";
import type { FamilyQuestion } from "../ruleset-question.ts";

/** What becomes of a packet that a rule wrote into: it is judged as it was written, judged by some of awg's chains alone, or by none. */
type Judged = "wholly" | "later" | "never";

/**
 * Rules that write into packets what packets are judged by, as stateless translation does. What they write before awg's
 * chains awg judges as it then is. Behind the chain that judges, nothing holds it against the policy: that is a finding;
 * where another of awg's chains still does (S9), a note, for what the first ones made of the packet may not fit any more.
 */
export function judgeWrites(asked: FamilyQuestion, notes: Set<string>): VerifyFinding[] {
  const findings = new Map<string, VerifyFinding>();
  for (const writing of writingRules(asked.all)) {
    const judged = judgedAfter(asked, writing);
    const { rule, what } = writing;
    const message = `a rule writes ${what} into packets where nothing of awg's judges what becomes of them, so that they may leave or enter though nothing grants it (IPv${asked.family})`;
    if (judged === "never")
      findings.set(rule.name, { kind: "unjudged", message, rules: [{ name: rule.name, verdict: "?" }] });
    if (judged === "later") notes.add(judgedLater(writing));
  }
  return [...findings.values()];
}

function judgedLater({ rule, what }: WritingRule): string {
  return `a rule of another table writes ${what} into packets that awg has steered or judged already; they are judged again as they are then, and may be dropped: ${rule.name}`;
}

function judgedAfter(asked: FamilyQuestion, { rule, chain }: WritingRule): Judged {
  const { own, question } = asked;
  if (own.includes(chain.table)) return "never";
  const { hook, priority } = chain.base;
  /** A chain of the same priority is asked before or after, as it was loaded after or before. What is asked before conntrack judges nothing. */
  const isBehind = (where: HookName, device?: string) => {
    const [first] = baseChainsAt(own, where, device).filter(
      ({ base }) => where === "egress" || base.priority > CONNTRACK_PRIORITY,
    );
    return first === undefined ? undefined : priority >= first.base.priority;
  };
  switch (hook) {
    case "ingress":
      return "wholly";
    case "prerouting":
    case "output":
    case "forward":
      return isBehind(hook) === true ? "later" : "wholly";
    case "input":
      return isBehind(hook) === false ? "wholly" : "never";
    case "postrouting": {
      if (isBehind(hook) === false) return "later";
      const unjudged = question.devices.filter((device) => baseChainsAt(own, "egress", device).length === 0);
      return isMet(asked, rule, all(any(POSSIBLE.output, POSSIBLE.forward), deviceIn("out", unjudged)))
        ? "never"
        : "later";
    }
    case "egress": {
      const isHere = (device: string) =>
        baseChainsAt([chain.table], hook, device).some(({ name }) => name === chain.name);
      const here = question.devices.filter(isHere);
      return here.every((device) => isBehind(hook, device) === false) ? "later" : "never";
    }
  }
}
