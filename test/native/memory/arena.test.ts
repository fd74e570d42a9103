import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createArena } from "../../../src/native/memory/arena.ffi.ts";
import { nativeAddress } from "../../../src/native/native-function.ffi.ts";

const isLinux = process.platform === "linux";
const BYTES = 1024 * 1024;

/** What the kernel says of the mapping that an address lies in (proc(5), smaps). */
function flagsOf(address: number): readonly string[] {
  let isIn = false;
  for (const line of readFileSync("/proc/self/smaps", "latin1").split("\n")) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) /.exec(line) ?? [];
    if (from !== undefined && to !== undefined)
      isIn = Number.parseInt(from, 16) <= address && address < Number.parseInt(to, 16);
    if (isIn && line.startsWith("VmFlags:")) return line.slice(8).trim().split(" ");
  }
  return [];
}

describe.skipIf(!isLinux)(`memory for keys and packets${isLinux ? "" : " (needs Linux)"}`, () => {
  it("is left out of core dumps, by each address it is seen at", () => {
    const arena = createArena(BYTES);
    for (const address of new Set([arena.base, nativeAddress(arena.bytes)])) expect(flagsOf(address)).toContain("dd");
  });
});
