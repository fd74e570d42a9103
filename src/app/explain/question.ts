import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import { AwgError } from "../../model/error.ts";
import { type IpAddress, parseIp } from "../../model/ip.ts";
import type { HostParts } from "../parts.ts";
import type { ProgramLine } from "../programs/program-report.ts";
import { findAbsent, findPrograms, type ProgramFilter } from "./asked-programs.ts";

const LOOKUP_TIMEOUT_MS = 5000;

/** The flow to explain. */
export interface ExplainQuestion {
  /** An address or a name. */
  readonly destination: string;
  readonly port?: number;
  /** IP protocol number; undefined: TCP with a port, else ICMP. */
  readonly protocol?: number;
  /** Number or name of the sending user. */
  readonly user: string;
  /** The program that sends: its user counts, unless `isUserNamed`. */
  readonly program?: ProgramFilter;
  /** Whether the user was named; else it is the caller. */
  readonly isUserNamed?: boolean;
  /** The config that gives the rules for programs; undefined: the accepted state. */
  readonly config?: Config;
  /** Whether names that are missing in /etc/hosts may be sent to the resolvers. */
  readonly resolves: boolean;
}

/** Destination and user of the flow, in numbers. */
export interface FlowEndpoints {
  readonly address: IpAddress;
  readonly uid: number;
  readonly programs: readonly ProgramLine[];
  readonly notes: readonly string[];
}

/** Finds address and user of a question. AwgError usage when a name is not known. */
export async function readQuestion(parts: HostParts, question: ExplainQuestion): Promise<FlowEndpoints> {
  const { destination, program } = question;
  const matching = program === undefined ? undefined : await findPrograms(parts, program, question.config);
  const user = question.isUserNamed === true || matching?.uid === undefined ? question.user : `${matching.uid}`;
  const isNumber = /^[0-9]{1,10}$/.test(user);
  const literal = parseIp(destination);
  const inFile = literal === undefined && parts.inspection !== undefined ? namedInHosts(destination) : [];
  const isSimulated = parts.inspection === undefined;
  const isNamed = literal === undefined && inFile.length === 0;
  const wanted = { users: isNumber ? [] : [user], hosts: isNamed && isSimulated ? [destination] : [] };
  const facts = await parts.host.facts.read(wanted);
  const asked = isNamed && question.resolves && !isSimulated ? await addressesForPrograms(destination) : [];
  const uid = isNumber ? Number(user) : facts.uids[user];
  if (uid === undefined) throw new AwgError("usage", `there is no user ${user} on this machine`);
  const found = literal === undefined ? [...inFile, ...asked, ...(facts.addresses[destination] ?? [])] : [destination];
  const address = parseIp(found[0] ?? "");
  if (address === undefined) {
    const [bare = "", zone] = destination.split("%");
    if (zone !== undefined && parseIp(bare) !== undefined) {
      throw new AwgError("usage", `${destination} names a device, which alone decides the path`, {
        remedy: `give the address without it: ${bare}`,
      });
    }
    if (question.resolves) {
      throw new AwgError("usage", `${destination} is no address, and no name server gave one`, {
        remedy: "give an address",
      });
    }
    throw new AwgError("usage", `${destination} is no address and not named in /etc/hosts`, {
      remedy: "give an address, or --resolve to ask the resolvers",
    });
  }
  const isAbsent = matching?.programs.length === 0;
  const named = isAbsent ? await findAbsent(parts, { ...program, uid }, question.config) : matching;
  const notes = [
    ...(literal === undefined ? [`${destination} is ${found.join(", ")}; explained for ${found[0]}`] : []),
    ...(named?.notes ?? []),
    ...(isAbsent && named?.programs.length === 0 ? (matching?.notes ?? []) : []),
  ];
  return { address, uid, programs: named?.programs ?? [], notes };
}

/** Addresses of a name as programs get them: by the C library, so from awg's resolver where it is the system's. */
async function addressesForPrograms(name: string): Promise<readonly string[]> {
  const { promise: tooLate, resolve } = Promise.withResolvers<readonly string[]>();
  const timer = setTimeout(() => resolve([]), LOOKUP_TIMEOUT_MS);
  try {
    const answer = lookup(name, { all: true, order: "verbatim" }).then(
      (all) => all.map(({ address }) => address),
      () => [],
    );
    return await Promise.race([answer, tooLate]);
  } finally {
    clearTimeout(timer);
  }
}

/** Addresses of a name in /etc/hosts (hosts(5)), in order. */
function namedInHosts(name: string): string[] {
  let text: string;
  try {
    text = readFileSync("/etc/hosts", "utf8");
  } catch {
    return [];
  }
  return text.split("\n").flatMap((line) => {
    const [address = "", ...names] = line.replace(/#.*$/, "").trim().split(/\s+/);
    return names.includes(name) && parseIp(address) !== undefined ? [address] : [];
  });
}
