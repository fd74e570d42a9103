import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const ROOT = join(import.meta.dirname, "..");
const HOME = "/root";

/** Runs a command that must succeed and gives its standard output. */
export function must(argv: readonly string[], input = ""): string {
  const [command = "", ...rest] = argv;
  const done = spawnSync(command, rest, { encoding: "utf8", input, maxBuffer: 256 * 1024 * 1024, timeout: 300_000 });
  if (done.status !== 0) throw new Error(`${argv.join(" ").slice(0, 200)} gave ${done.status}: ${done.stderr}`);
  return done.stdout;
}

/** Builds awg and lays it out as npm installs it, in a folder; gives the launcher a person would run. `node` is this one. */
export function installAwg(folder: string = HOME): string {
  const packages = join(folder, "node_modules");
  const dist = join(packages, "awg", "dist");
  mkdirSync(dirname(dist), { recursive: true });
  for (const name of ["koffi", "@koromix"]) symlinkSync(join(ROOT, "node_modules", name), join(packages, name));
  must([process.execPath, join(ROOT, "scripts", "build.ts"), dist]);
  process.env["PATH"] = `${dirname(process.execPath)}:${process.env["PATH"]}`;
  return join(dist, "awg.cjs");
}

/** Writes a private file into the place's home folder and gives its path. */
export function writePrivate(name: string, text: string): string {
  const path = join(HOME, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** A new WireGuard key pair. */
export function newKeys(): { readonly privateKey: string; readonly publicKey: string } {
  const privateKey = must(["wg", "genkey"]).trim();
  return { privateKey, publicKey: must(["wg", "pubkey"], privateKey).trim() };
}

/** Processes of this place with these words in their command, by their ids; words end with NUL bytes there. */
export function processesWith(words: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => pid > 0 && commandOf(pid).includes(words));
}

/** A process's words, each ended by a NUL byte; "" where it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Kills these processes and waits until none is left. */
export async function endProcesses(find: () => readonly number[]): Promise<void> {
  for (const pid of find()) process.kill(pid, "SIGKILL");
  while (find().length > 0) await sleep(20);
}
