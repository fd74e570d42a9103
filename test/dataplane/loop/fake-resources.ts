import { createPortAead } from "../../../src/dataplane/crypto/choose-packet-aead.ts";
import type { WorkerResources } from "../../../src/dataplane/loop/worker-resources.ts";
import {
  ASIDE_BYTES,
  OPENED_AREA_BYTES,
  reserveReceiveArea,
  TUN_BUFFER_BYTES,
} from "../../../src/dataplane/loop/worker-resources.ts";
import { plainSum } from "../../../src/dataplane/packet/checksum.ts";
import { NOBLE_CRYPTO } from "../../../src/engine/crypto/noble.ts";
import { type Arena, createArena } from "../../../src/native/memory/arena.ffi.ts";
import type { PacketCalls } from "../../../src/native/packet-system.ts";

/** Bytes at an address of the arena. */
export function bytesAt(arena: Arena, address: number, length: number): Uint8Array {
  return arena.bytes.slice(address - arena.base, address - arena.base + length);
}

/** What stands in `count` iovecs at an address, one after the other. */
export function gather(arena: Arena, vector: number, count: number): Uint8Array {
  const at = vector - arena.base;
  const parts = Array.from({ length: count }, (_, index) => {
    const address = Number(arena.view.getBigUint64(at + 16 * index, true));
    return bytesAt(arena, address, arena.view.getUint32(at + 16 * index + 8, true));
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** A resources with memory of its own, @noble and the kernel calls given; those not given fail the test. */
export function fakeResources(calls: (arena: Arena) => Partial<PacketCalls>): WorkerResources {
  const arena = createArena(16 * 1024 * 1024);
  const refuse = () => {
    throw new Error("this call was not expected");
  };
  const none = { poll: refuse, read: refuse, write: refuse, writev: refuse, sendmmsg: refuse, recvmmsg: refuse };
  return {
    arena,
    calls: { ...none, bootTimeMs: () => 0, errno: () => "errno 0", ...calls(arena) },
    aead: createPortAead(arena, NOBLE_CRYPTO),
    sum: plainSum(arena.view),
    crypto: NOBLE_CRYPTO,
    sources: { fillRandom: (into) => into.fill(7), unixTime: () => ({ seconds: 0, nanoseconds: 0 }) },
    receive: reserveReceiveArea(arena),
    system: { prepareTun: refuse, openSocket: refuse, lookUpRoute: () => undefined },
    tunBuffer: arena.reserve(TUN_BUFFER_BYTES),
    openedArea: arena.reserve(OPENED_AREA_BYTES),
    aside: arena.reserve(ASIDE_BYTES),
  };
}
