import { AwgError } from "../../model/error.ts";
import { nativeAddress, nativeFunctionIfThere } from "../native-function.ffi.ts";
import { SYSTEM } from "../system.ts";
import { type WasmMemory, wasm } from "./web-assembly.ts";

const WASM_PAGE_BYTES = 65_536;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 0x01;
const MAP_FIXED = 0x10;
const MAP_32BIT = 0x40;
const MFD_CLOEXEC = 1;
const MADV_DONTDUMP = 16;
/** V8 stores integers below this without an allocation; larger ones are heap objects. */
const SMALL_LIMIT = 2 ** 31;

/**
 * Memory shared by JavaScript, WebAssembly and C, which never moves. Offsets count from its start; C uses `base +
 * offset`. It is not shared between threads: copying inside shared memory is 14 times slower (measured).
 */
export interface Arena {
  readonly memory: WasmMemory;
  readonly bytes: Uint8Array;
  /** For fields at any alignment. */
  readonly view: DataView;
  /** Address of offset 0. */
  readonly base: number;
  /** True: all addresses are below 2^31, so passing one to C allocates nothing. */
  readonly lowAddresses: boolean;
  /** Reserves zeroed bytes permanently and returns their offset, a multiple of 64. */
  reserve(bytes: number): number;
  /** A part with its own allocation, for something temporary. */
  part(bytes: number): ArenaPart;
}

/** Memory reused by one user after another. */
export interface ArenaPart extends Arena {
  /** Zeroes it and starts its allocation again; earlier reservations become invalid. */
  reset(): void;
}

/**
 * Creates an arena of whole WebAssembly pages. Where the kernel allows it (Linux on x86-64) the same pages are also
 * mapped below 2^31. Linux excludes them from core dumps.
 */
export function createArena(sizeBytes: number): Arena {
  const pages = Math.ceil(sizeBytes / WASM_PAGE_BYTES);
  const memory = new wasm.Memory({ initial: pages, maximum: pages });
  const bytes = new Uint8Array(memory.buffer);
  const home = nativeAddress(bytes);
  const low = lowTwin(home, bytes.length);
  for (const at of low === undefined ? [home] : [home, low]) leaveOutOfDumps(at, bytes.length);
  const whole = {
    memory,
    bytes,
    view: new DataView(memory.buffer),
    base: low ?? home,
    lowAddresses: low !== undefined,
  };
  return section(whole, 64, bytes.length);
}

/** Offsets `start` to `end` of an arena, allocated from its start. */
function section(whole: Omit<Arena, "reserve" | "part">, start: number, end: number): ArenaPart {
  let next = start;
  const reserve = (count: number): number => {
    const offset = next;
    const after = offset + ((count + 63) & ~63);
    if (after > end) {
      throw new AwgError("host", `the data plane's memory of ${end - start} bytes is full`, {
        remedy: "use fewer tunnels in one process",
      });
    }
    next = after;
    return offset;
  };
  return {
    ...whole,
    reserve,
    part(count) {
      const offset = reserve(count);
      return section(whole, offset, offset + ((count + 63) & ~63));
    },
    reset() {
      whole.bytes.fill(0, start, next);
      next = start;
    },
  };
}

/** madvise(2), on every Linux; macOS has no equivalent. */
function leaveOutOfDumps(at: number, length: number): void {
  if (SYSTEM !== "linux") return;
  nativeFunctionIfThere("int madvise(int64_t at, uint64_t length, int advice)")?.(at, length, MADV_DONTDUMP);
}

/**
 * Replaces the memory by pages of an anonymous file and maps them again at a low address. WebAssembly needs gigabytes
 * of guard pages around its memory, so it cannot itself be at a low address.
 */
function lowTwin(home: number, length: number): number | undefined {
  if (SYSTEM !== "linux" || process.arch !== "x64") return undefined;
  const create = nativeFunctionIfThere("int memfd_create(const char *name, unsigned int flags)");
  const truncate = nativeFunctionIfThere("int ftruncate(int fd, int64_t length)");
  const map = nativeFunctionIfThere(
    "int64_t mmap(int64_t at, uint64_t length, int protection, int flags, int fd, int64_t offset)",
  );
  const unmap = nativeFunctionIfThere("int munmap(int64_t at, uint64_t length)");
  const close = nativeFunctionIfThere("int close(int fd)");
  if (!create || !truncate || !map || !unmap || !close) return undefined;
  const fd = create("awg-arena", MFD_CLOEXEC);
  if (fd === -1) return undefined;
  try {
    if (truncate(fd, length) === -1) return undefined;
    const low = Number(map(0, length, PROT_READ_WRITE, MAP_SHARED | MAP_32BIT, fd, 0));
    if (low === -1) return undefined;
    if (
      low + length > SMALL_LIMIT ||
      Number(map(home, length, PROT_READ_WRITE, MAP_SHARED | MAP_FIXED, fd, 0)) !== home
    ) {
      unmap(low, length);
      return undefined;
    }
    return low;
  } finally {
    close(fd);
  }
}
