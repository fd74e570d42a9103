import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { ProcFolder } from "../../../../src/host/linux/processes/proc-folder.ts";
import {
  parseBootMs,
  parseCgroup,
  parseCommandLine,
  parseEffectiveUid,
  parseStat,
  socketInode,
  startedMs,
} from "../../../../src/host/linux/processes/proc-text.ts";
import { SocketHolders } from "../../../../src/host/linux/processes/socket-holders.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { checkProperty } from "../../../support/seeded.ts";

/** /proc/PID/stat of a process with this name and start. */
function statText(pid: number, name: string, start: number, state = "S", flags = 0): string {
  return `${pid} (${name}) ${state} 1 5 6 0 -1 ${flags} ${"7 ".repeat(12)}${start} 8 9\n`;
}

describe("texts of /proc", () => {
  test.each(["plain", "two words", ") S 1 (", "a) R 4\n", "\u001b[31mred", "(((", ")))", "", "🙂"])(
    "a process may call itself %j",
    (name) => {
      expect(parseStat(statText(7, name, 4711))).toEqual({
        name,
        parentPid: 1,
        startTicks: 4711n,
        isKernelThread: false,
      });
    },
  );

  test("a process that ended, and text that is none, are no process", () => {
    expect(parseStat(statText(7, "x", 1, "Z"))).toBeUndefined();
    expect(parseStat(statText(7, "x", 1, "X"))).toBeUndefined();
    for (const text of ["", "7", "7 (x", ") (", "7 (x) S"]) expect(parseStat(text)).toBeUndefined();
  });

  test("a kernel thread is recognised by its flag", () => {
    expect(parseStat(statText(2, "kthreadd", 0, "S", 0x20_8040))?.isKernelThread).toBe(true);
  });

  test("no text makes the readers fail", () => {
    checkProperty(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = Buffer.from(bytes).toString("latin1");
        for (const parse of [parseStat, parseEffectiveUid, parseCommandLine, parseCgroup, parseBootMs]) parse(text);
        socketInode(text);
      }),
      200,
    );
  });

  test("the effective user is the second number", () => {
    expect(parseEffectiveUid("Name:\tx\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n")).toBe(2);
    // The kernel escapes line ends in Name, so no name can write a line of its own.
    expect(parseEffectiveUid("Name:\tUid: 1 9\nUid:\t1\t2\t3\t4\n")).toBe(2);
  });

  test("arguments end with NULs; a process may have left none, or one text", () => {
    expect(parseCommandLine("node\0-e\0\0")).toEqual(["node", "-e"]);
    expect(parseCommandLine("")).toEqual([]);
    expect(parseCommandLine("nginx: worker process")).toEqual(["nginx: worker process"]);
    expect(parseCommandLine("x".repeat(9000))[0]).toHaveLength(4096);
  });

  test("only the unified hierarchy counts", () => {
    expect(parseCgroup("12:cpu:/old\n0::/user.slice/x.scope\n")).toBe("/user.slice/x.scope");
    expect(parseCgroup("12:cpu:/old\n")).toBeNull();
  });

  test("start is boot and ticks", () => {
    expect(startedMs(parseBootMs("cpu 1 2\nbtime 1700000000\n") ?? 0, 250n)).toBe(1_700_000_002_500);
  });

  test.each([
    ["socket:[123]", 123],
    ["socket:[]", undefined],
    ["socket:[12", undefined],
    ["socket:[1x]", undefined],
    ["pipe:[123]", undefined],
    ["/tmp/socket:[1]", undefined],
    ["socket:[99999999999999999999]", undefined],
  ])("%s is socket %s", (link, inode) => {
    expect(socketInode(link)).toBe(inode);
  });
});

describe.skipIf(process.platform !== "linux")("a folder of processes (skipped where there is no /proc)", () => {
  let root: string;
  beforeEach(() => {
    root = temporaryFolder("proc");
  });

  /** A process with these descriptors, each a link. */
  function put(pid: number, start: number, links: Readonly<Record<string, string>> = {}): void {
    const folder = join(root, String(pid));
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, "fd"), { recursive: true });
    writeFileSync(join(folder, "stat"), statText(pid, "prog", start));
    writeFileSync(join(folder, "status"), "Uid:\t0\t33\t0\t0\n");
    for (const [descriptor, target] of Object.entries(links)) symlinkSync(target, join(folder, "fd", descriptor));
  }

  const holders = () => new SocketHolders(new ProcFolder(root));

  test("lists numbers only; what is missing is absent, not an error", () => {
    for (const name of ["self", "0", "01", "12a", "net"]) mkdirSync(join(root, name));
    put(12, 5);
    const proc = new ProcFolder(root);
    expect(proc.pids()).toEqual([12]);
    const program = proc.read(12);
    expect(program).toMatchObject({ pid: 12, since: 5n, uid: 33, name: "prog" });
    expect(Object.keys(program ?? {})).not.toContain("path");
    expect(proc.read(13)).toBeUndefined();
  });

  test("a hidden /proc is reported", () => {
    put(12, 5);
    expect(new ProcFolder(root).hidesOthers()).toBe(true);
    put(1, 1);
    expect(new ProcFolder(root).hidesOthers()).toBe(false);
  });

  test.each([
    ["/usr/bin/prog", false, { path: "/usr/bin/prog" }],
    ["/usr/bin/prog (deleted)", false, { path: "/usr/bin/prog", isReplaced: true }],
    ["prog (deleted)", true, { path: "prog (deleted)" }],
  ])("the file %s, standing: %s", (target, stands, expected) => {
    put(12, 5);
    const file = stands ? join(root, target) : target;
    if (stands) writeFileSync(file, "");
    symlinkSync(file, join(root, "12", "exe"));
    const { path, isReplaced } = new ProcFolder(root).read(12) ?? {};
    const wanted = stands ? { path: file } : expected;
    expect({ path, ...(isReplaced === undefined ? {} : { isReplaced }) }).toEqual(wanted);
  });

  test("a socket is found, also when it is shared, and when it moved since it was seen", () => {
    put(5, 50, { 0: "/dev/null", 3: "socket:[700]" });
    put(6, 60, { 9: "socket:[700]", 10: "socket:[701]" });
    const index = holders();
    expect(index.holdersOf(700)).toEqual([
      { pid: 5, since: 50n },
      { pid: 6, since: 60n },
    ]);
    expect(index.holdersOf(701)).toEqual([{ pid: 6, since: 60n }]);
    put(6, 60, { 10: "socket:[702]" });
    expect(index.holdersOf(701)).toEqual([]);
    expect(index.holdersOf(702)).toEqual([{ pid: 6, since: 60n }]);
  });

  test("a number that changed hands is another process: its start is in the answer", () => {
    put(5, 50, { 3: "socket:[700]" });
    const index = holders();
    expect(index.holdersOf(700)).toEqual([{ pid: 5, since: 50n }]);
    put(5, 51, { 3: "socket:[700]" });
    expect(index.holdersOf(700)).toEqual([{ pid: 5, since: 51n }]);
    put(5, 52, {});
    expect(index.holdersOf(700)).toEqual([]);
  });

  test("all sockets of all processes, each holder once", () => {
    put(5, 50, { 3: "socket:[700]", 4: "socket:[700]" });
    put(6, 60, { 1: "socket:[700]", 2: "pipe:[9]" });
    const { holders: all, closed } = holders().all();
    expect([...all]).toEqual([[700, [5, 6].map((pid) => ({ pid, since: BigInt(pid) * 10n }))]]);
    expect(closed.size).toBe(0);
  });

  test("law: the index says what a full reading says, whatever processes do during it", () => {
    const step = fc.record({
      pid: fc.integer({ min: 2, max: 5 }),
      start: fc.integer({ min: 1, max: 3 }),
      inodes: fc.array(fc.integer({ min: 700, max: 706 }), { maxLength: 3 }),
    });
    checkProperty(
      fc.property(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 700, max: 706 }),
        (steps, asked) => {
          const index = holders();
          for (const { pid, start, inodes } of steps) {
            put(pid, start, Object.fromEntries(inodes.map((inode, fd) => [fd, `socket:[${inode}]`])));
            const found = index.holdersOf(asked);
            const all = holders().all().holders.get(asked) ?? [];
            // Whoever is found holds it; and where anybody does, somebody is found.
            expect(all).toEqual(expect.arrayContaining([...found]));
            expect(found.length > 0).toBe(all.length > 0);
          }
        },
      ),
      40,
    );
  });
});
