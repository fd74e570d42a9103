import type { Crypto } from "../../engine/crypto/crypto.ts";
import type { Sources } from "../../engine/sources.ts";
import type { Arena } from "../../native/memory/arena.ffi.ts";
import type { PacketAead } from "../../native/openssl/packet-aead.ffi.ts";
import type { PacketCalls, PacketSystem } from "../../native/packet-system.ts";
import type { Sum } from "../packet/checksum.ts";

/** What all tunnels of one worker thread share: memory, calls, cryptography, buffers that are empty between turns. */
export interface WorkerResources {
  readonly arena: Arena;
  readonly calls: PacketCalls;
  readonly aead: PacketAead;
  readonly sum: Sum;
  readonly crypto: Crypto;
  readonly sources: Sources;
  readonly receive: ReceiveArea;
  /** Calls to the operating system other than those of every turn. */
  readonly system: Pick<PacketSystem, "prepareTun" | "openSocket" | "lookUpRoute">;
  /** Buffer for one packet or superpacket from a TUN device: `TUN_LEAD_BYTES`, the packet, a tail. */
  readonly tunBuffer: number;
  /** Received packets are decrypted to here until they are written to the TUN device. */
  readonly openedArea: number;
  /** Space to save bytes while one packet is sealed; as large as one. */
  readonly aside: number;
}

/** Buffers for recvmmsg: message headers, and per message a socket address, a control buffer and the datagrams. */
export interface ReceiveArea {
  readonly headers: number;
  readonly names: number;
  readonly controls: number;
  readonly buffers: number;
}

/** Space before a packet from a TUN device: its virtio header and the lead that sealing overwrites. */
export const TUN_LEAD_BYTES = 192;
/** The largest packet, its lead and space for padding. */
export const TUN_BUFFER_BYTES = 65_536 + TUN_LEAD_BYTES + 2048;
export const OPENED_AREA_BYTES = 262_144;
export const ASIDE_BYTES = 65_536;

/** Messages per recvmmsg call. */
export const RECEIVE_MESSAGES = 64;
export const RECEIVE_LEAD_BYTES = 128;
export const RECEIVE_BUFFER_BYTES = 65_536;
export const RECEIVE_STRIDE = RECEIVE_LEAD_BYTES + RECEIVE_BUFFER_BYTES + 128;
/** struct mmsghdr, struct iovec, a socket address and a control buffer on 64-bit Linux (recvmmsg(2), cmsg(3)). */
export const MESSAGE_BYTES = 64;
export const VECTOR_BYTES = 16;
export const NAME_BYTES = 32;
export const CONTROL_BYTES = 64;

/** Writes an address as a native pointer. */
export function writePointer(arena: Arena, at: number, offset: number): void {
  const address = arena.base + offset;
  arena.view.setUint32(at, address >>> 0, true);
  arena.view.setUint32(at + 4, Math.floor(address / 4_294_967_296), true);
}

/** Reserves and links the buffers of recvmmsg. */
export function reserveReceiveArea(arena: Arena): ReceiveArea {
  const headers = arena.reserve(RECEIVE_MESSAGES * MESSAGE_BYTES);
  const vectors = arena.reserve(RECEIVE_MESSAGES * VECTOR_BYTES);
  const names = arena.reserve(RECEIVE_MESSAGES * NAME_BYTES);
  const controls = arena.reserve(RECEIVE_MESSAGES * CONTROL_BYTES);
  const buffers = arena.reserve(RECEIVE_MESSAGES * RECEIVE_STRIDE);
  for (let index = 0; index < RECEIVE_MESSAGES; index += 1) {
    const header = headers + index * MESSAGE_BYTES;
    const vector = vectors + index * VECTOR_BYTES;
    writePointer(arena, header, names + index * NAME_BYTES);
    writePointer(arena, header + 16, vector);
    arena.view.setUint32(header + 24, 1, true);
    writePointer(arena, header + 32, controls + index * CONTROL_BYTES);
    writePointer(arena, vector, buffers + index * RECEIVE_STRIDE + RECEIVE_LEAD_BYTES);
    arena.view.setUint32(vector + 8, RECEIVE_BUFFER_BYTES, true);
  }
  return { headers, names, controls, buffers };
}
