import { LOOPBACK_DEVICE } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { MARK_MASK, markOfPath, PATH_NUMBERS } from "../../model/ownership.ts";
import type { FindingKind, Verified, VerifyFinding } from "../finding.ts";
import { HOOKS, type Hook, POSSIBLE } from "../policy/possible-packets.ts";
import { type Diagram, NOTHING } from "../space/decision-diagram.ts";
import { all, any, deviceIn, not, type Term } from "../space/packet-fields.ts";
import type { PacketSpace } from "../space/packet-space.ts";
import { noteWrites } from "./checks/note-writes.ts";
import { verifyForged } from "./checks/verify-forged.ts";
import { verifyFrames } from "./checks/verify-frames.ts";
import { verifyLoopback } from "./checks/verify-loopback.ts";
import { verifyOtherFrames } from "./checks/verify-other-frames.ts";
import { withJudgedFlows } from "./judged-flows.ts";
import { mayMatch, sendThrough, unionOf, within } from "./packet-paths.ts";
import { type PacketSet, startingWith } from "./packet-set.ts";
import { baseChainsAt, type DoubtfulRule, doubtfulRules, untrackingRules } from "./read-tables.ts";
import { SENDS_BY_ITSELF } from "./reading/read-rule.ts";
import { isOurs, type RuleTable } from "./rule-table.ts";
import { askFor, type FamilyQuestion, type RulesetQuestion, type StatedPath } from "./ruleset-question.ts";
import { showPacketSets } from "./show-packets.ts";
import { walk } from "./walk.ts";

/** Maximum number of places in one note. */
const MAX_PLACES = 6;

/**
 * Compares a whole ruleset with a policy for every possible packet.
 *
 * Packet sets pass through the chains and are compared with the set that the policy grants. Each kind of error gets one
 * example packet. Pure.
 */
export function verifyRuleset(question: RulesetQuestion): Verified {
  const paths = pathsOf(question.policy);
  const findings: VerifyFinding[] = [];
  const notes = new Set<string>();
  let classes = 0n;
  for (const family of [4, 6] as const) {
    const asked = withJudgedFlows(askFor(question, family, paths));
    classes += Object.values(asked.space.sizes()).reduce((product, size) => product * BigInt(size), 1n);
    for (const hook of HOOKS) findings.push(...verifyHook(asked, hook));
    findings.push(...verifyFrames(asked), ...verifySteering(asked, notes));
    findings.push(...judgeDoubts(asked, notes));
    for (const note of noteWrites(asked)) notes.add(note);
    for (const note of untracked(asked)) notes.add(note);
  }
  findings.push(...verifyOtherFrames(question));
  findings.push(...verifyLoopback(question), ...verifyForged(question));
  const { trafficHooks = [] } = question;
  if (trafficHooks.length > 0) notes.add(unjudgedHooks(trafficHooks));
  for (const bridge of question.guestBridges ?? []) notes.add(unjudgedBridge(bridge));
  for (const table of question.tables.filter(isUnseen)) {
    notes.add(`the table ${table.family} ${table.name} of another program is not read, and may drop what is granted`);
  }
  return { findings, notes: [...notes], classes };
}

function verifyHook(asked: FamilyQuestion, hook: Hook): VerifyFinding[] {
  const { space, own } = asked;
  const { diagrams } = space;
  const possible = space.ofFormula(POSSIBLE[hook]);
  const granted = diagrams.and(possible, space.ofFormula(asked.granted[hook]));
  const refused = diagrams.minus(possible, granted);
  const { stack, egress } = sendThrough(asked, own, hook, possible);
  const out = diagrams.and(unionOf(space, egress.accepted), refused);
  const weak = diagrams.minus(diagrams.and(unionOf(space, stack.accepted), refused), out);
  const findings = [
    ...split(asked, hook, out).flatMap(([kind, set]) => showPaths(asked, hook, kind, set)),
    ...showPaths(asked, hook, "weakness", weak),
  ];
  const everything = sendThrough(asked, asked.all, hook, granted);
  const dropped = unionOf(space, [...everything.stack.dropped, ...everything.egress.dropped]);
  const passed = unionOf(space, everything.egress.accepted);
  return [...findings, ...showDrops(asked, hook, diagrams.minus(dropped, passed))];
}

/** Accepted packets that the policy refuses, by kind of finding. */
function split({ space, question }: FamilyQuestion, hook: Hook, set: Diagram): [FindingKind, Diagram][] {
  if (hook === "input") return [["entry", set]];
  const tunnels = question.policy.layers.flatMap(({ tunnels: some }) => some.map(({ device }) => device));
  const inTunnel = space.ofFormula(deviceIn("out", tunnels));
  return [
    ["leak", space.diagrams.minus(set, inTunnel)],
    ["stray", space.diagrams.and(set, inTunnel)],
  ];
}

/** One example packet for each path of these packets through our chains. */
function showPaths(asked: FamilyQuestion, hook: Hook, kind: FindingKind, set: Diagram): VerifyFinding[] {
  if (set === NOTHING) return [];
  const { stack, egress } = sendThrough(asked, asked.own, hook, set, true);
  const packetSets = within(asked.space, kind === "weakness" ? stack.accepted : egress.accepted, set);
  return showPacketSets(asked, hook, kind, packetSets);
}

function showDrops(asked: FamilyQuestion, hook: Hook, set: Diagram): VerifyFinding[] {
  if (set === NOTHING) return [];
  const { stack, egress } = sendThrough(asked, asked.all, hook, set, true);
  return showPacketSets(asked, hook, "lock-out", within(asked.space, [...stack.dropped, ...egress.dropped], set));
}

/** S4: each flow gets the mark of its path, even if other programs write marks. */
function verifySteering(asked: FamilyQuestion, notes: Set<string>): VerifyFinding[] {
  const { space, all, judged } = asked;
  const { diagrams } = space;
  const possible = space.ofFormula(POSSIBLE.output);
  // A packet of a judged flow is on a device of its path and keeps its mark (S5.6).
  const steered = (set: Diagram, traced = false) =>
    walk(space, chains, startingWith(set), traced, judged).accepted.filter((packetSet) => !packetSet.isRemembered);
  const loopback = space.ofFormula(deviceIn("out", [LOOPBACK_DEVICE]));
  const sent = diagrams.minus(possible, loopback);
  const chains = baseChainsAt(all, "output");
  // A traced walk for each path needs as many walks as tunnels. One untraced walk proves that no mark is wrong.
  const marked = markedSets(space, steered(sent));
  return asked.steered.flatMap(({ path, number, packets }) => {
    const set = diagrams.and(sent, space.ofFormula(packets));
    if (diagrams.and(set, marked.otherThan(markOfPath(number))) === NOTHING) return [];
    const other: Term = { dimension: "mark", mask: MARK_MASK, values: [markOfPath(number)], not: true };
    const wrong = steered(set, true)
      .map((packetSet) => ({ ...packetSet, set: diagrams.and(packetSet.set, space.ofTerm(other, packetSet.change)) }))
      .filter((packetSet) => packetSet.set !== NOTHING);
    const doubts = new Set(wrong.flatMap((packetSet) => packetSet.doubts));
    for (const doubt of doubts)
      notes.add(`flows may get another mark than their path's by what cannot be judged: ${doubt}`);
    const sure = wrong.filter((packetSet) => packetSet.doubts.length === 0);
    return showPacketSets(asked, "output", "misroute", sure).map((finding) => ({
      ...finding,
      message: `is not marked for its path, ${path}, so it is routed elsewhere (IPv${asked.family})`,
    }));
  });
}

/** The packets that leave the rules with another value in our mark bits than the given one. */
function markedSets(space: PacketSpace, packetSets: readonly PacketSet[]): { otherThan(mark: number): Diagram } {
  const { diagrams } = space;
  const open: PacketSet[] = [];
  const byMark = new Map<number, Diagram>();
  for (const packetSet of packetSets) {
    const mark = (packetSet.change.set & MARK_MASK) >>> 0;
    // If the rules wrote all of our bits, the whole set has one mark.
    if ((packetSet.change.keep & MARK_MASK) === 0)
      byMark.set(mark, diagrams.or(byMark.get(mark) ?? NOTHING, packetSet.set));
    else open.push(packetSet);
  }
  // The union of all sets but one, for each set: the sets before it and after it.
  const sets = [...byMark];
  const before: Diagram[] = [NOTHING];
  for (const [, set] of sets) before.push(diagrams.or(before.at(-1) ?? NOTHING, set));
  const others = new Map<number, Diagram>();
  let after: Diagram = NOTHING;
  for (const [index, [mark, set]] of [...sets.entries()].toReversed()) {
    others.set(mark, diagrams.or(before[index] ?? NOTHING, after));
    after = diagrams.or(after, set);
  }
  return {
    otherThan: (mark) => {
      const other: Term = { dimension: "mark", mask: MARK_MASK, values: [mark], not: true };
      return open.reduce<Diagram>(
        (union, packetSet) => diagrams.or(union, diagrams.and(packetSet.set, space.ofTerm(other, packetSet.change))),
        others.get(mark) ?? after,
      );
    },
  };
}

/**
 * Rules that awg cannot read.
 *
 * In our own tables that is a finding. A rule of another program can only drop more, because every base chain of a hook
 * must accept. The exception is a rule that copies or redirects packets: those bypass our chains.
 */
function judgeDoubts({ own, all, family }: FamilyQuestion, notes: Set<string>): VerifyFinding[] {
  const ours = doubtfulRules(own).filter(({ isReached }) => isReached);
  const findings = ours.map(({ rule, what }) => unjudged(rule.name, what, family));
  for (const table of all.filter((one) => !own.includes(one))) {
    const doubtful = doubtfulRules([table]);
    const sending = doubtful.filter(({ what }) => SENDS_BY_ITSELF.test(what));
    findings.push(...sending.map(({ rule, what }) => unjudged(rule.name, what, family)));
    const note = noteOf(doubtful.filter((one) => one.isReached && !sending.includes(one)));
    if (note !== undefined) notes.add(note);
  }
  return findings;
}

/** Only conntrack identifies answers (S6.2). One note for each foreign table that exempts packets from it. */
function untracked(asked: FamilyQuestion): string[] {
  const others = asked.all.filter((table) => !asked.own.includes(table));
  const isLoopback = (side: "in" | "out") => deviceIn(side, [LOOPBACK_DEVICE]);
  const sent = all(POSSIBLE.output, not(isLoopback("out")));
  const received = all(any(POSSIBLE.input, POSSIBLE.forward), not(isLoopback("in")));
  return others.flatMap((table) => {
    const rules = untrackingRules([table]).filter(({ rule, chain }) =>
      mayMatch(asked, rule, chain.base.hook === "output" ? sent : received),
    );
    const [first] = new Set(rules.map(({ rule }) => rule.name));
    if (first === undefined) return [];
    return [
      `another table disables or splits connection tracking (notrack, ct zone): replies are not recognized, and may be dropped though they are granted (S6.2): ${first}`,
    ];
  });
}

/**
 * A non-empty table at hooks that the proof does not cover (ARP, bridge forwarding). A table that accepts everything is
 * left out.
 */
function isUnseen(table: RuleTable): boolean {
  const { family, dormant, chains } = table;
  if (isOurs(table) || dormant || (family !== "arp" && family !== "bridge")) return false;
  return [...chains.values()].some(({ base, rules }) => base?.policy === "drop" || rules.length > 0);
}

/** One note for all rules of a table. */
function noteOf(doubtful: readonly DoubtfulRule[]): string | undefined {
  const [first] = doubtful;
  if (first === undefined) return undefined;
  const what = [...new Set(doubtful.map((one) => one.what))].join("; ");
  if (doubtful.length === 1) {
    return `a rule of another table cannot be judged (${what}); it can only drop more: ${first.rule.name}`;
  }
  const names = `${doubtful.length} rules of another table cannot be judged (${what})`;
  return `${names}; they can only drop more; the first is ${first.rule.name}`;
}

function unjudgedHooks(places: readonly string[]): string {
  const shown = places.slice(0, MAX_PLACES).join(", ");
  const more = places.length > MAX_PLACES ? ` and ${places.length - MAX_PLACES} more` : "";
  return `filters of tc or BPF programs at ${shown}${more} can send frames past awg's packet filter or write into them: not judged (S12.17)`;
}

function unjudgedBridge(name: string): string {
  return `frames that leave by the ports of the bridge ${name} are not judged, as all its ports seem to lead to guests: if one leads out, what is bridged to it leaves (S9.4)`;
}

function unjudged(name: string, what: string, family: Family): VerifyFinding {
  const message = `a rule cannot be judged, because awg does not know what this does: ${what} (IPv${family})`;
  return { kind: "unjudged", message, rules: [{ name, verdict: "?" }] };
}

/** Every path with a mark. */
function pathsOf({ layers }: FirewallPolicy): StatedPath[] {
  const tunnels = (layers.at(-1)?.tunnels ?? []).map(({ device, number }) => ({ path: device, number }));
  return [
    { path: "its link", number: 0 },
    { path: "direct", number: PATH_NUMBERS.direct },
    { path: "block", number: PATH_NUMBERS.block },
    { path: "our own engine", number: PATH_NUMBERS.engine },
    ...tunnels,
  ];
}
