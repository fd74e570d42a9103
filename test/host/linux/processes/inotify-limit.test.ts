import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readInotifyUsage } from "../../../../src/host/linux/processes/inotify-limit.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const proc = temporaryFolder("inotify");

function run(pid: number, uid: number, descriptors: Readonly<Record<string, string>>): void {
  const folder = join(proc, String(pid));
  for (const name of ["fd", "fdinfo"]) mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "status"), `Name:\tx\nUid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
  symlinkSync("socket:[7]", join(folder, "fd", "3"));
  for (const [descriptor, watches] of Object.entries(descriptors)) {
    symlinkSync("anon_inode:inotify", join(folder, "fd", descriptor));
    writeFileSync(join(folder, "fdinfo", descriptor), `pos:\t0\n${watches}`);
  }
}

test("counts a user's inotify instances, one that a child has from its parent once", () => {
  expect(readInotifyUsage(0, proc)).toBeUndefined();
  mkdirSync(join(proc, "sys/fs/inotify"), { recursive: true });
  writeFileSync(join(proc, "sys/fs/inotify/max_user_instances"), "128\n");
  run(10, 0, { 4: "inotify wd:1 ino:a sdev:1\n", 5: "" });
  run(11, 0, { 4: "inotify wd:1 ino:a sdev:1\n" });
  run(12, 0, { 4: "inotify wd:1 ino:b sdev:1\n", 5: "" });
  run(13, 0, {});
  run(14, 990, { 4: "inotify wd:1 ino:c sdev:1\n" });
  expect(readInotifyUsage(0, proc)).toEqual({ uid: 0, limit: 128, used: 4 });
  expect(readInotifyUsage(990, proc)).toEqual({ uid: 990, limit: 128, used: 1 });
});
