import { ipToBytes, parseIp } from "../model/ip.ts";
import { RELAY_ADDRESSES } from "../model/ownership.ts";

/** The listeners' addresses in bytes. */
export const LISTEN_ADDRESSES = { 4: bytesOf(RELAY_ADDRESSES[4]), 6: bytesOf(RELAY_ADDRESSES[6]) } as const;

/** An address in bytes; an unreadable text gives none. A zone is cut off. */
export function bytesOf(text: string): Uint8Array {
  const ip = parseIp(text.replace(/%.*$/, ""));
  return ip === undefined ? new Uint8Array() : ipToBytes(ip);
}
