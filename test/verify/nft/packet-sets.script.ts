import { text } from "node:stream/consumers";
import { readRuleset } from "../../../src/host/linux/inspect/read-ruleset.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { type Family, type IpAddress, parseIp } from "../../../src/model/ip.ts";
import { sendFrames, sendThrough, unionOf } from "../../../src/verify/nft/packet-paths.ts";
import { markUsesOfTables, termsOfTables } from "../../../src/verify/nft/read-tables.ts";
import { askFor } from "../../../src/verify/nft/ruleset-question.ts";
import { verifyRuleset } from "../../../src/verify/nft/verify-ruleset.ts";
import { type Hook, POSSIBLE } from "../../../src/verify/policy/possible-packets.ts";
import { type Diagram, NOTHING } from "../../../src/verify/space/decision-diagram.ts";
import { markIs, termsOf } from "../../../src/verify/space/packet-fields.ts";
import { PacketSpace } from "../../../src/verify/space/packet-space.ts";
import { pointFormula } from "../../../src/verify/space/point-formula.ts";
import type { AskedPacket, PacketSets } from "./sampled-packets.ts";

/**
 * Run inside a namespace: reads its packet filter, computes the sets of packets that come through as `awg verify` does,
 * and tells of each packet of the standard input whether it lies in its set.
 */
const { policy, packets }: { policy: FirewallPolicy; packets: readonly AskedPacket[] } = JSON.parse(
  await text(process.stdin),
);
const question = { policy, ...readRuleset(policy) };
const marks = [...new Set(packets.map(({ mark }) => mark))];

const addressOf = (written: string): IpAddress => {
  const address = parseIp(written);
  if (address === undefined) throw new Error(`${written} is no address`);
  return address;
};

/** The sets of one IP version, by the hook at which packets start. */
function setsOf(family: Family): { readonly space: PacketSpace; readonly through: Readonly<Record<string, Diagram>> } {
  const asked = askFor(question, family, []);
  const terms = [...termsOfTables(asked.all), ...termsOf(markIs(0xffff_ffff, ...marks))];
  const space = new PacketSpace({
    family,
    terms,
    markUses: markUsesOfTables(asked.all),
    devices: question.devices,
  });
  const cut = { ...asked, space };
  const passed = (hook: Hook) =>
    unionOf(space, sendThrough(cut, asked.all, hook, space.ofFormula(POSSIBLE[hook])).egress.accepted);
  const frame = unionOf(space, sendFrames(cut, asked.all, space.ofFormula(POSSIBLE.frame)).accepted);
  return { space, through: { output: passed("output"), input: passed("input"), forward: passed("forward"), frame } };
}

const byFamily = { 4: setsOf(4), 6: setsOf(6) };
const verdicts = packets.map(({ hook, source, destination, ...rest }) => {
  const point = { ...rest, source: addressOf(source), destination: addressOf(destination) };
  const { space, through } = byFamily[point.destination.family];
  return space.diagrams.and(through[hook] ?? NOTHING, space.ofFormula(pointFormula(point))) !== NOTHING;
});
const kinds = [...new Set(verifyRuleset(question).findings.map(({ kind }) => kind))];
process.stdout.write(JSON.stringify({ verdicts, kinds } satisfies PacketSets));
