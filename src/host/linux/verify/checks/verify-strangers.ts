import { LOOPBACK_DEVICE } from "../../../../model/firewall/packet.ts";
import type { VerifyFinding } from "../../../../model/verify/finding.ts";
import { addressIn } from "../../../../model/verify/space/conditions.ts";
import { PacketSpace } from "../../../../model/verify/space/packet-space.ts";
import { all, deviceIn, not, termsOf } from "../../../../model/verify/space/term.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { startingWith, walk } from "../walk.ts";

/** Where packets first meet the kernel's hooks: what this machine sends itself, and what is put into loopback past its stack. */
const BEGINNINGS = [
  { hook: "output", on: all(deviceIn("out", [LOOPBACK_DEVICE]), deviceIn("in", [""])) },
  { hook: "prerouting", on: all(deviceIn("in", [LOOPBACK_DEVICE]), deviceIn("out", [""])) },
] as const;
/** RTN_UNICAST and RTN_UNREACHABLE of rtnetlink.h: what a route says of an address that is not this machine's. */
const ROUTE_TYPES = [1, 7] as const;
const LOOPBACK_PREFIXES = { 4: ["127.0.0.0/8"], 6: ["::1/128"] } as const;

/**
 * S2.1: whatever goes over loopback in another machine's name must be kept from connection tracking, or it opens a flow whose
 * answers are let out. One finding for each beginning and IP version.
 */
export function verifyStrangers(question: RulesetQuestion): VerifyFinding[] {
  const own = question.tables.filter(isOurs);
  return ([4, 6] as const).flatMap((family) => {
    const itself = addressIn("source", family, LOOPBACK_PREFIXES[family]);
    const asked = BEGINNINGS.map(({ hook, on }) => ({ hook, packets: all(on, not(itself)) }));
    const tracked = ROUTE_TYPES.map((strangers) => {
      const tables = readTables(own, { family, indexes: question.indexes, strangers });
      const space = new PacketSpace({
        family,
        terms: [...termsOfTables(tables), ...asked.flatMap(({ packets }) => termsOf(packets))],
        markUses: markUsesOfTables(tables),
        devices: question.devices,
      });
      return asked.map(({ hook, packets }) => {
        const chains = baseChainsAt(tables, hook).filter(({ base }) => base.priority < CONNTRACK_PRIORITY);
        const { accepted } = walk(space, chains, startingWith(space.ofFormula(packets)), true);
        return accepted.find(({ isLabelled, doubts }) => !isLabelled || doubts.length > 0);
      });
    });
    return asked.flatMap(({ hook }, at): VerifyFinding[] => {
      const [piece] = tracked.flatMap((pieces) => pieces[at] ?? []);
      if (piece === undefined) return [];
      const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
      const message = `what goes over loopback in another machine's name is tracked (IPv${family}, ${hook}): a program that asks itself so may answer that machine past its own rule (S2.1)`;
      return [{ kind: "leak", message, rules }];
    });
  });
}
