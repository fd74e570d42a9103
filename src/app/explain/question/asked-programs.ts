import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { Config } from "../../../config/config.ts";
import { AwgError } from "../../../model/error.ts";
import type { Program } from "../../../model/program/program.ts";
import type { HostParts } from "../../parts.ts";
import { lineOfAbsent, listPrograms, realPathOf } from "../../programs/list-programs.ts";
import type { ProgramLine } from "../../programs/program-report.ts";

/** The program to explain: one process, or all processes with this file or name. */
export interface ProgramFilter {
  readonly pid?: number;
  /** A path, the name of a file, or the identifier of a bundle (macOS). */
  readonly app?: string;
}

/** The matching programs with their rules, and notes on them. */
export interface FoundPrograms {
  readonly programs: readonly ProgramLine[];
  /** Their user, if all have the same. */
  readonly uid?: number;
  readonly notes: readonly string[];
}

/** Where a program that does not run is looked for by its name. */
const PROGRAM_FOLDERS = ["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/** How a program that does not run is explained, by what a rule asks of its start. */
const STARTED = {
  commandLine: "the command line: explained as started without arguments",
  cgroup: "the cgroup: explained as in none that a rule names",
} as const;

/** Finds the running programs of a question and the rule of each. AwgError usage when no process has the number. */
export async function findPrograms(
  parts: HostParts,
  { pid, app }: ProgramFilter,
  config: Config | undefined,
): Promise<FoundPrograms> {
  const { programs, unseen } = await listPrograms(parts, config);
  const realPath = realPathOf(parts);
  const isAsked = (program: Program) => (pid === undefined ? isCalled(program, app, realPath) : program.pid === pid);
  const found = programs.filter(({ program }) => isAsked(program));
  if (found.length === 0 && pid !== undefined) {
    throw new AwgError("usage", `there is no process ${pid}`, { remedy: "awg ps lists them" });
  }
  const uids = [...new Set(found.map(({ program }) => program.uid))];
  const [uid] = uids;
  return {
    programs: found,
    ...(uids.length === 1 && uid !== undefined ? { uid } : {}),
    notes: [
      ...(found.length === 0 ? unseen : []),
      ...(uids.length > 1 ? [`${app} runs as several users; name one with --uid`] : []),
    ],
  };
}

/** The program that a user would start from a file that no process runs; none where a bare name leads to no file. */
export async function findAbsent(
  parts: HostParts,
  { app = "", uid }: { readonly app?: string; readonly uid: number },
  config: Config | undefined,
): Promise<FoundPrograms> {
  const path = fileOf(parts, app);
  if (path === undefined)
    return { programs: [], notes: [`${app} does not run now, and no file of this name was found`] };
  const program = { pid: 0, since: 0n, parentPid: 0, uid, name: basename(path), path };
  const note = `${path} does not run now: explained as started by user ${uid}, by nothing that a rule names`;
  const { line, dependent } = await lineOfAbsent(parts, config, program);
  return {
    programs: [line],
    notes: [note, ...dependent.map(({ origin, on }) => `${origin} depends on ${STARTED[on]}`)],
  };
}

/** The file as the kernel knows it, after symbolic links. A simulated host has no folders to look a name up in. */
function fileOf(parts: HostParts, app: string): string | undefined {
  const realPath = realPathOf(parts);
  if (app.startsWith("/")) return realPath(app);
  if (parts.isSimulated || app === "" || app.includes("/")) return undefined;
  const found = PROGRAM_FOLDERS.map((folder) => join(folder, app)).find((path) => existsSync(path));
  return found === undefined ? undefined : realPath(found);
}

function isCalled(
  { path, name, bundleIds }: Program,
  app: string | undefined,
  realPath: (path: string) => string,
): boolean {
  if (app === undefined) return false;
  if (bundleIds?.includes(app) === true) return true;
  if (app.includes("/")) return path === app || path === realPath(app);
  return typeof path === "string" ? path.slice(path.lastIndexOf("/") + 1) === app : name === app;
}
