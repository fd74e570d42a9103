import type { Config } from "../../config/config.ts";
import { AwgError } from "../../model/error.ts";
import type { HostParts } from "../parts.ts";
import { listPrograms } from "../programs/list-programs.ts";
import type { ProgramLine } from "../programs/program-report.ts";

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

/** Finds the running programs of a question and the rule of each. AwgError usage when no process has the number. */
export async function findPrograms(
  parts: HostParts,
  { pid, app }: ProgramFilter,
  config: Config | undefined,
): Promise<FoundPrograms> {
  const { programs, unseen } = await listPrograms(parts, config);
  const asked = programs.filter(({ program }) => (pid === undefined ? isCalled(program, app) : program.pid === pid));
  const found = config === undefined ? asked : await withClasses(parts, asked);
  if (found.length === 0 && pid !== undefined) {
    throw new AwgError("usage", `there is no process ${pid}`, { remedy: "awg ps lists them" });
  }
  const uids = [...new Set(found.map(({ program }) => program.uid))];
  const [uid] = uids;
  return {
    programs: found,
    ...(uids.length === 1 && uid !== undefined ? { uid } : {}),
    notes: [
      ...(found.length === 0 ? [`${app} does not run now, so it has neither user nor rule yet`, ...unseen] : []),
      ...(uids.length > 1 ? [`${app} runs as several users; name one with --uid`] : []),
    ],
  };
}

/** Sockets have the classes of the accepted rules, whatever the config says. */
async function withClasses(parts: HostParts, asked: readonly ProgramLine[]): Promise<ProgramLine[]> {
  const { programs } = await listPrograms(parts, undefined);
  const classes = new Map(programs.map(({ program, class: number }) => [program.pid, number]));
  return asked.map((line) => {
    const number = classes.get(line.program.pid);
    return number === undefined ? line : { ...line, class: number };
  });
}

function isCalled({ path, name, bundleIds }: ProgramLine["program"], app: string | undefined): boolean {
  if (app === undefined) return false;
  if (bundleIds?.includes(app) === true) return true;
  if (app.includes("/")) return path === app;
  return typeof path === "string" ? path.slice(path.lastIndexOf("/") + 1) === app : name === app;
}
