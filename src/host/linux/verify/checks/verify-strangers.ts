import { LOOPBACK_DEVICE } from "../../../../model/firewall/packet.ts";
import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import { addressIn } from "../../../../model/verify/space/conditions.ts";
import { PacketSpace } from "../../../../model/verify/space/packet-space.ts";
import { all, deviceIn, not, numberIs, termsOf } from "../../../../model/verify/space/term.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { startingWith, walk } from "../walk.ts";

/** Where packets first meet the kernel's hooks: what this machine sends itself, and what is put into loopback past its stack. */
const BEGINNINGS = [
  { hook: "output", on: all(deviceIn("out", [LOOPBACK_DEVICE]), deviceIn("in", [""])) },
  { hook: "prerouting", on: all(deviceIn("in", [LOOPBACK_DEVICE]), deviceIn("out", [""])) },
] as const;
/** RTN_LOCAL of rtnetlink.h; a route to another machine's address may say anything else. */
const LOCAL = 2;
const LOOPBACK_PREFIXES = { 4: ["127.0.0.0/8"], 6: ["::1/128"] } as const;

/**
 * S2.1: whatever goes over loopback in another machine's name must be kept from connection tracking, or it opens a flow whose
 * answers are let out. One finding for each beginning and IP version.
 */
export function verifyStrangers(question: RulesetQuestion): VerifyFinding[] {
  const own = question.tables.filter(isOurs);
  return ([4, 6] as const).flatMap((family) => {
    const itself = addressIn("source", family, LOOPBACK_PREFIXES[family]);
    const strangers = all(not(itself), not(numberIs("sender", LOCAL)));
    const asked = BEGINNINGS.map(({ hook, on }) => ({ hook, packets: all(on, strangers) }));
    const tables = readTables(own, { family, indexes: question.indexes, strangers: true });
    const space = new PacketSpace({
      family,
      terms: [...termsOfTables(tables), ...asked.flatMap(({ packets }) => termsOf(packets))],
      markUses: markUsesOfTables(tables),
      devices: question.devices,
    });
    return asked.flatMap(({ hook, packets }): VerifyFinding[] => {
      const chains = baseChainsAt(tables, hook).filter(({ base }) => base.priority < CONNTRACK_PRIORITY);
      const { accepted } = walk(space, chains, startingWith(space.ofFormula(packets)), true);
      const piece = accepted.find(({ isLabelled, doubts }) => !isLabelled || doubts.length > 0);
      if (piece === undefined) return [];
      const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
      const message = `what goes over loopback in another machine's name is tracked (IPv${family}, ${hook}): a program that asks itself so may answer that machine past its own rule (S2.1)`;
      return [{ kind: "leak", message, rules }];
    });
  });
}
