import { LINK_LOCAL } from "../../../model/firewall/link-traffic.ts";
import { LOOPBACK_DEVICE } from "../../../model/firewall/packet.ts";
import type { Family } from "../../../model/ip.ts";
import type { VerifyFinding } from "../../finding.ts";
import { addressIn } from "../../space/conditions.ts";
import {
  ALWAYS,
  all,
  deviceIn,
  type Formula,
  NO_USER,
  not,
  numberIs,
  termsOf,
  trackedAs,
} from "../../space/packet-fields.ts";
import { PacketSpace } from "../../space/packet-space.ts";
import { baseChainsAt, CONNTRACK_PRIORITY, markUsesOfTables, readTables, termsOfTables } from "../read-tables.ts";
import { isOurs } from "../rule-table.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";
import { type Piece, startingWith, walk } from "../walk.ts";

/** Where packets first meet the kernel's hooks: what this machine sends itself, and what is put into loopback past its stack. */
const BEGINNINGS = [
  { hook: "output", on: all(deviceIn("out", [LOOPBACK_DEVICE]), deviceIn("in", [""])) },
  { hook: "prerouting", on: all(deviceIn("in", [LOOPBACK_DEVICE]), deviceIn("out", [""])) },
] as const;
/** RTN_LOCAL of rtnetlink.h; a route to another machine's address may say anything else. */
const LOCAL = 2;
const LOOPBACK_PREFIXES = { 4: ["127.0.0.0/8"], 6: ["::1/128"] } as const;

type Beginning = (typeof BEGINNINGS)[number];

/** One way in which what goes over loopback in another machine's name may go wrong. */
interface Wrong {
  /** No socket is transparent, and none waits for the packets. */
  readonly isUnawaited?: true;
  /** Of the packets at a beginning those that are asked about. */
  readonly which: (beginning: Beginning, family: Family) => Formula;
  readonly isWrong: (piece: Piece) => boolean;
  readonly message: (where: string) => string;
}

const isTracked = ({ isUntracked, doubts }: Piece) => !isUntracked || doubts.length > 0;
/** What a program cannot send so: conntrack holds it for an answer where its translation was undone. */
const isNoAnswer = not(trackedAs("answer", "related-answer"));
const WRONGS: readonly Wrong[] = [
  {
    which: ({ hook }) => (hook === "output" ? ALWAYS : isNoAnswer),
    isWrong: isTracked,
    message: (where) =>
      `what goes over loopback in another machine's name is tracked (${where}): a program that asks itself so may answer that machine past its own rule (S2.1)`,
  },
  {
    isUnawaited: true,
    which: ({ hook }, family) =>
      hook === "output"
        ? not(numberIs("user", NO_USER))
        : all(isNoAnswer, not(addressIn("source", family, [LINK_LOCAL]))),
    isWrong: () => true,
    message: (where) =>
      `what goes over loopback in another machine's name reaches the kernel (${where}): it answers that machine as nobody, with the bytes of a program whose own rule forbids it (S2.1)`,
  },
];

/**
 * S2.1: whatever goes over loopback in another machine's name must be kept from connection tracking, or it opens a flow whose
 * answers are let out; and it must not come to the kernel, which would answer. One finding for each way, beginning and IP version.
 */
export function verifyStrangers(question: RulesetQuestion): VerifyFinding[] {
  return ([4, 6] as const).flatMap((family) => WRONGS.flatMap((wrong) => verifyWrong(question, family, wrong)));
}

function verifyWrong(question: RulesetQuestion, family: Family, wrong: Wrong): VerifyFinding[] {
  const { indexes, devices } = question;
  const itself = addressIn("source", family, LOOPBACK_PREFIXES[family]);
  const strangers = all(not(itself), not(numberIs("sender", LOCAL)));
  const asked = BEGINNINGS.map((one) => ({
    hook: one.hook,
    packets: all(one.on, strangers, wrong.which(one, family)),
  }));
  const readAs = wrong.isUnawaited === undefined ? {} : { isUnawaited: true as const };
  const tables = readTables(question.tables.filter(isOurs), { family, indexes, strangers: true, ...readAs });
  const space = new PacketSpace({
    family,
    terms: [...termsOfTables(tables), ...asked.flatMap(({ packets }) => termsOf(packets))],
    markUses: markUsesOfTables(tables),
    devices,
  });
  return asked.flatMap(({ hook, packets }): VerifyFinding[] => {
    const chains = baseChainsAt(tables, hook).filter(({ base }) => base.priority < CONNTRACK_PRIORITY);
    const { accepted } = walk(space, chains, startingWith(space.ofFormula(packets)), true);
    const piece = accepted.find(wrong.isWrong);
    if (piece === undefined) return [];
    const rules = piece.trace.map(({ name, verdict }) => ({ name, verdict }));
    return [{ kind: "leak", message: wrong.message(`IPv${family}, ${hook}`), rules }];
  });
}
