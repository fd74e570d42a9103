import { readFileSync } from "node:fs";
import type { Config } from "../../../config/config.ts";
import { lookUpBySystem } from "../../../host/probes/system-lookup.ts";
import { AwgError } from "../../../model/error.ts";
import { type IpAddress, parseIp } from "../../../model/ip.ts";
import type { HostParts } from "../../parts.ts";
import type { ProgramLine } from "../../programs/program-report.ts";
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
  const found = await addressesOf(question, parts);
  const uid = isNumber ? Number(user) : (await parts.host.facts.read({ users: [user], hosts: [] })).uids[user];
  if (uid === undefined) throw new AwgError("usage", `there is no user ${user} on this host`);
  const address = parseIp(found[0] ?? "");
  if (address === undefined) throw noAddress(question);
  const isAbsent = matching?.programs.length === 0;
  const named = isAbsent ? await findAbsent(parts, { ...program, uid }, question.config) : matching;
  const notes = [
    ...(parseIp(destination) === undefined ? [`${destination} is ${found.join(", ")}; explained for ${found[0]}`] : []),
    ...(named?.notes ?? []),
    ...(isAbsent && named?.programs.length === 0 ? (matching?.notes ?? []) : []),
  ];
  return { address, uid, programs: named?.programs ?? [], notes };
}

/** The destination, or the addresses of its name as programs get them; [] if it has none. */
async function addressesOf(
  { destination, resolves }: ExplainQuestion,
  { host, inspection }: HostParts,
): Promise<readonly string[]> {
  if (parseIp(destination) !== undefined) return [destination];
  if (inspection === undefined) {
    return (await host.facts.read({ users: [], hosts: [destination] })).addresses[destination] ?? [];
  }
  const inFile = namedInHosts(destination);
  return inFile.length > 0 || !resolves ? inFile : lookUpBySystem(destination, LOOKUP_TIMEOUT_MS);
}

function noAddress({ destination, resolves }: ExplainQuestion): AwgError {
  const [bare = "", zone] = destination.split("%");
  if (zone !== undefined && parseIp(bare) !== undefined) {
    return new AwgError("usage", `${destination} names a device, which alone decides the path`, {
      remedy: `give the address without it: ${bare}`,
    });
  }
  if (resolves) {
    return new AwgError("usage", `${destination} is no address, and no name server gave one`, {
      remedy: "give an address",
    });
  }
  return new AwgError("usage", `${destination} is no address and not named in /etc/hosts`, {
    remedy: "give an address, or --resolve to query the name servers",
  });
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
