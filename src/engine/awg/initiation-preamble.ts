import { renderPacket } from "./packet-template.ts";
import type { AmneziaParameters } from "./parameters.ts";
import type { PeerMemory } from "./peer-memory.ts";
import type { RandomPool } from "./random-pool.ts";

/**
 * The datagrams before an initiation, in order: signature packets I1 to I5 (in 1.5 J1 to J3 until itime is over), then
 * junk. The peer ignores them, so they need not match.
 *
 * @param now monotonic milliseconds, for itime.
 */
export function initiationPreamble(
  parameters: AmneziaParameters,
  pool: RandomPool,
  memory: PeerMemory,
  now: number,
  unixSeconds: number,
): readonly Uint8Array[] {
  const { generation, controlledJunk, signature, signatureIntervalSeconds } = parameters;
  const is15 = generation === "1.5";
  const sentAt = memory.signaturesSentAt;
  const isQuiet = is15 && sentAt !== undefined && now - sentAt < 1000 * signatureIntervalSeconds;
  if (!isQuiet) memory.signaturesSentAt = now;
  const random = (sizeBytes: number): Uint8Array => pool.bytes(sizeBytes);
  // 1.5 counts every packet of its handshakes; the kernel module of 2.0 starts at any number and counts signature
  // packets.
  const first = is15 ? memory.packetsSent : pool.word();
  const packets = (isQuiet ? controlledJunk : signature).map((template, index) =>
    renderPacket(template, { random, unixSeconds, counter: first + index }),
  );
  const { count, smallestBytes, largestBytes } = parameters.junk;
  const largest = generation === "2.0" ? largestBytes : Math.max(smallestBytes, largestBytes - 1);
  for (let index = 0; index < count; index += 1) packets.push(pool.bytes(pool.between(smallestBytes, largest)));
  memory.packetsSent += packets.length + 1;
  return packets;
}
