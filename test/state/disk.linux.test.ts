import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasProgram } from "../lab/world/command.ts";
import { temporaryFolder } from "../support/folder.ts";

const SCRIPT = join(import.meta.dirname, "disk.script.ts");
const NODE = [process.execPath, "--disable-warning=ExperimentalWarning", SCRIPT];
const limitMs = 100_000;

const isRoot = process.geteuid?.() === 0;
const whyNoMount = isRoot && hasProgram("unshare") ? "" : " (skipped: needs root and unshare)";
const whyNoTrace = hasProgram("strace") ? "" : " (skipped: needs strace)";

test.skipIf(whyNoMount !== "")(
  `B5: a full disk cuts writes short; the old content is read; with free space all is written${whyNoMount}`,
  () => {
    const folder = temporaryFolder();
    const mount = `mount -t tmpfs -o size=64k,mode=0700 tmpfs "$0" && exec "$@"`;
    const argv = ["--mount", "--propagation", "private", "sh", "-c", mount, folder, ...NODE, "fill", folder];
    const { status, stdout, stderr } = spawnSync("unshare", argv, { encoding: "utf8", timeout: limitMs });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const { refused } = JSON.parse(stdout) as { refused: Record<string, number> };
    for (const count of Object.values(refused)) expect(count).toBeGreaterThan(0);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test.skipIf(whyNoTrace !== "")(
  `B5: a file is written aside, synced, renamed, and its folder synced; a journal line is synced before the next${whyNoTrace}`,
  () => {
    const folder = temporaryFolder();
    const log = join(folder, "trace");
    const calls = "openat,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,ftruncate";
    const argv = ["-y", "-e", `trace=${calls}`, "-o", log, ...NODE, "write", folder];
    expect(spawnSync("strace", argv, { encoding: "utf8", timeout: limitMs }).status).toBe(0);
    const steps = readFileSync(log, "utf8")
      .split("\n")
      .flatMap((line) => stepIn(line, join(folder, "awg")));
    for (const name of ["ledger", "generation-3", "machine.key"]) {
      const draft = `.${name}.new`;
      const own = steps.filter((step) => step.endsWith(`/${draft}`) || step.includes(`/${draft} `));
      expect(own).toEqual([`create /${draft}`, `write /${draft}`, `sync /${draft}`, `rename /${draft} /${name}`]);
      expect(steps[steps.indexOf(`rename /${draft} /${name}`) + 1]).toBe("sync /");
    }
    const journal = steps.filter((step) => step.endsWith("/journal"));
    expect(journal[0]).toBe("create /journal");
    expect(journal.slice(1)).toEqual(
      journal.slice(1).map((_, index) => (index % 2 === 0 ? "write /journal" : "sync /journal")),
    );
    expect(journal.length).toBeGreaterThan(10);
    expect(steps[steps.indexOf("create /journal") + 1]).toBe("sync /");
  },
);

/** What a line of the trace does below the folder: create, write, sync, rename. */
function stepIn(line: string, folder: string): readonly string[] {
  if (!line.includes(folder) || / = -1 /.test(line)) return [];
  const below = (path: string): string => path.slice(folder.length) || "/";
  const [, call = ""] = /^(?:\d+ +)?(\w+)\(/.exec(line) ?? [];
  const paths = [...line.matchAll(/["<]([^">]*)[">]/g)]
    .map(([, path = ""]) => path)
    .filter((path) => path.startsWith(folder));
  const [first = "", second = ""] = paths.map(below);
  if (call.startsWith("rename")) return [`rename ${first} ${second}`];
  if (call === "openat") return line.includes("O_CREAT") ? [`create ${first}`] : [];
  if (call === "fsync") return [`sync ${first}`];
  return /^p?write/.test(call) ? [`write ${first}`] : [];
}
