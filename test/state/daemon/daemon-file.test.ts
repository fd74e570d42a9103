import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readDaemonRecord, takeDaemonPlace } from "../../../src/state/daemon/daemon-file.ts";
import { temporaryFolder } from "../../support/folder.ts";

const { pid } = process;
const stalled = { reason: "the disk is full", sinceMs: 5 };

test("a second daemon is refused with the process of the first; the place is free again after it", () => {
  const path = join(temporaryFolder("daemon-place"), "daemon");
  const first = takeDaemonPlace(path, 0);
  expect(() => takeDaemonPlace(path, 0)).toThrow(
    expect.objectContaining({ kind: "locked", message: `another daemon (process ${pid}) keeps this host` }),
  );
  first[Symbol.dispose]();
  takeDaemonPlace(path, 0)[Symbol.dispose]();
});

test("others read what the running daemon wrote last, and nothing of one that ended", () => {
  const path = join(temporaryFolder("daemon-record"), "daemon");
  expect(readDaemonRecord(path)).toBeUndefined();
  const place = takeDaemonPlace(path, 0);
  expect(readDaemonRecord(path)).toEqual({ pid });
  place.write({ stalled });
  expect(readDaemonRecord(path)).toEqual({ pid, stalled });
  expect(statSync(`${path}.json`).mode & 0o777).toBe(0o600);
  place.write({});
  expect(readDaemonRecord(path)).toEqual({ pid });
  place[Symbol.dispose]();
  expect(existsSync(`${path}.json`)).toBe(false);
  writeFileSync(`${path}.json`, JSON.stringify({ pid, stalled }));
  expect(readDaemonRecord(path)).toBeUndefined();
});

test("a record of another process, too long or behind a link does not count, and nothing is written through a link", () => {
  const folder = temporaryFolder("daemon-link");
  const path = join(folder, "daemon");
  using place = takeDaemonPlace(path, 0);
  for (const text of [JSON.stringify({ pid: 1, stalled }), `{"pid":${pid},"x":"${"x".repeat(70_000)}"}`, "["]) {
    writeFileSync(`${path}.json`, text);
    expect(readDaemonRecord(path)).toEqual({ pid });
  }
  const target = join(folder, "target");
  writeFileSync(target, JSON.stringify({ pid, stalled }));
  symlinkSync(target, `${path}.json.new`);
  place.write({ stalled });
  expect(readDaemonRecord(path)).toEqual({ pid, stalled });
  expect(JSON.parse(readFileSync(target, "utf8"))).toEqual({ pid, stalled });
  expect(statSync(`${path}.json`).ino).not.toBe(statSync(target).ino);
});
