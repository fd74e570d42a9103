import type { Answer } from "dns-packet";
import type { NameService } from "../model/dns/name-service.ts";
import { type IpAddress, parseIp, renderIp } from "../model/ip.ts";
import type { AskedQuestion, ServerReply } from "./message.ts";

/** Lifetimes of answers: a server may not keep one for ever, nor make each packet a query. */
const MOST_SECONDS = 3600;
const FAILURE_SECONDS = 5;
const NEGATIVE_SECONDS = 60;
/** Of one answer; further ones are not given to the program either. */
const MOST_ADDRESSES = 64;
/** Of a name with known addresses, which may be others soon. */
const KNOWN_SECONDS = 5;

/** An address that a name has, and for how long. */
export interface NamedAddress {
  readonly address: string;
  readonly seconds: number;
}

/**
 * The addresses in a reply. Aliases (CNAME) count by the asked name, so that every address of the message is one of its.
 * Addresses that never lead to another host are left out: a name must not open those. An IPv4 address in the form of IPv6
 * (RFC 4291 section 2.5.5.2) is used as IPv4.
 */
export function addressesIn({ records }: Pick<ServerReply, "records">): readonly NamedAddress[] {
  const found = records.flatMap((record): NamedAddress[] => {
    if (record.type !== "A" && record.type !== "AAAA") return [];
    const ip = parseIp(record.data);
    const used = ip === undefined ? undefined : unmapped(ip);
    return used === undefined || !isOfHost(used) ? [] : [{ address: renderIp(used), seconds: lifetimeOf([record]) }];
  });
  return found;
}

/** The records without addresses beyond a number, so that a program gets no address that its set lacks. */
export function boundedRecords(records: readonly Answer[]): readonly Answer[] {
  let addresses = 0;
  return records.filter(({ type }) => {
    if (type === "A" || type === "AAAA") addresses += 1;
    return (type !== "A" && type !== "AAAA") || addresses <= MOST_ADDRESSES;
  });
}

function unmapped(ip: IpAddress): IpAddress {
  const isMapped = ip.family === 6 && ip.value >> 32n === 0xffffn;
  return isMapped ? { family: 4, value: ip.value & 0xffff_ffffn } : ip;
}

/** The answer for a name whose addresses are known; undefined for any other name. */
export function knownRecords(
  { name, type }: Pick<AskedQuestion, "name" | "type">,
  { known = {} }: Pick<NameService, "known">,
): readonly Answer[] | undefined {
  if (!Object.hasOwn(known, name)) return undefined;
  const family = type === "A" ? 4 : type === "AAAA" ? 6 : 0;
  return (known[name] ?? [])
    .filter((address) => parseIp(address)?.family === family)
    .map((data) => ({ name, type: type as "A" | "AAAA", ttl: KNOWN_SECONDS, data }));
}

/** How long a reply may be kept: the shortest lifetime of its records. */
export function lifetimeOf(records: readonly Answer[]): number {
  const lifetimes = records.flatMap((record) => ("ttl" in record && record.ttl !== undefined ? [record.ttl] : []));
  return Math.max(0, Math.min(MOST_SECONDS, ...lifetimes));
}

/** How long a reply is kept: one without records for the time of its authority (RFC 2308), a failure for seconds. */
export function keptSeconds({ code, records, authorities }: ServerReply): number {
  if (code !== 0 && code !== 3) return FAILURE_SECONDS;
  if (records.length > 0) return lifetimeOf(records);
  return authorities.length === 0 ? FAILURE_SECONDS : Math.min(NEGATIVE_SECONDS, lifetimeOf(authorities));
}

/** The same records with the lifetime that is left of them. */
export function aged(records: readonly Answer[], seconds: number): readonly Answer[] {
  return records.map((record) =>
    "ttl" in record && record.ttl !== undefined ? { ...record, ttl: Math.max(0, record.ttl - seconds) } : record,
  ) as readonly Answer[];
}

/** Neither unspecified, loopback, link-local, multicast nor broadcast. */
function isOfHost({ family, value }: IpAddress): boolean {
  if (family === 4) {
    const first = value >> 24n;
    return first !== 0n && first !== 127n && first < 224n && value >> 16n !== 0xa9fen;
  }
  return value > 1n && value >> 120n !== 0xffn && value >> 118n !== 0x3fan;
}
