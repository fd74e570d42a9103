import { randomFillSync } from "node:crypto";
import { NOBLE_CRYPTO } from "../../engine/crypto/noble.ts";
import type { Sources } from "../../engine/sources.ts";
import { createArena } from "../../native/memory/arena.ffi.ts";
import type { PacketSystem } from "../../native/packet-system.ts";
import { choosePacketAead } from "../crypto/choose-packet-aead.ts";
import { type ChosenCrypto, chooseCrypto } from "../crypto/openssl-crypto.ts";
import {
  ASIDE_BYTES,
  OPENED_AREA_BYTES,
  reserveReceiveArea,
  TUN_BUFFER_BYTES,
  type WorkerResources,
} from "../loop/worker-resources.ts";
import { plainSum, wasmSum } from "../packet/checksum.ts";

/** Space for the shared buffers and 64 tunnels; unused pages cost nothing. */
const ARENA_BYTES = 32 * 1024 * 1024;

/** A call of the generator takes some microseconds, and a new peer draws five words for its timers. */
const WORD_BYTES = 4;
const words = new Uint8Array(4096);
let unusedBytes = 0;

function fillWord(into: Uint8Array): void {
  if (unusedBytes < into.length) {
    randomFillSync(words);
    unusedBytes = words.length;
  }
  for (let index = 0; index < into.length; index += 1) {
    unusedBytes -= 1;
    into[index] = words[unusedBytes] as number;
    words[unusedBytes] = 0;
  }
}

const SOURCES: Sources = {
  fillRandom: (into) => {
    if (into.length <= WORD_BYTES) fillWord(into);
    else randomFillSync(into);
  },
  unixTime: () => {
    const milliseconds = Date.now();
    return { seconds: Math.floor(milliseconds / 1000), nanoseconds: (milliseconds % 1000) * 1_000_000 };
  },
};

/** Allocates this thread's resources and chooses its cryptography. `openssl` false: @noble alone. */
export function createWorkerResources(
  openssl: boolean,
  system: PacketSystem,
): WorkerResources & Pick<ChosenCrypto, "fallbackReason"> {
  const arena = createArena(ARENA_BYTES);
  const { crypto, fallbackReason } = openssl
    ? chooseCrypto(SOURCES.fillRandom)
    : { crypto: NOBLE_CRYPTO, fallbackReason: "OpenSSL is disabled" };
  return {
    arena,
    calls: system.packetCalls(arena),
    aead: choosePacketAead(arena, crypto, openssl ? undefined : []),
    sum: wasmSum(arena.memory) ?? plainSum(arena.view),
    crypto,
    sources: SOURCES,
    receive: reserveReceiveArea(arena),
    system,
    tunBuffer: arena.reserve(TUN_BUFFER_BYTES),
    openedArea: arena.reserve(OPENED_AREA_BYTES),
    aside: arena.reserve(ASIDE_BYTES),
    fallbackReason,
  };
}
