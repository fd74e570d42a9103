import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { LoadedConfig, Session, SessionOptions } from "../app/session.ts";
import { renderProblem } from "../config/problem.ts";
import { AwgError, messageOf } from "../model/error.ts";
import { counted } from "../model/text/counted.ts";
import { readConfigFiles } from "./config-files.ts";
import { flagOption, listOption, textOption, type VerbCall } from "./verb.ts";
import { reportProblems } from "./views/problems.ts";

/**
 * Opens the machine that the global options name, for a verb that only reads it; for one that `asks`, who sits at the
 * terminal may be asked.
 */
export function openSessionFor(
  call: VerbCall,
  asks = false,
  onSilentKeeper = (silence: AwgError): void => call.terminal.err(`note: ${messageOf(silence)}`),
): Promise<Session> {
  return openWith(call, { ...attendedOptions(call, asks), onSilentKeeper });
}

function attendedOptions(call: VerbCall, asks: boolean): SessionOptions {
  return { ...sessionOptionsOf(call), isAttended: asks && call.terminal.interactive };
}

async function openWith(call: VerbCall, options: SessionOptions): Promise<Session> {
  const { openSession } = await import("../compose/open.ts");
  const { host } = options;
  if (host.kind !== "simulated" || host.file === undefined || existsSync(host.file)) return openSession(options);
  const beginsAs = beginningOf(call, host.file);
  call.terminal.err(
    `note: ${host.file} is not there: the simulated machine begins as ${beginsAs ?? "a Linux laptop without tunnels"}; what changes is written to ${host.file}`,
  );
  return openSession(beginsAs === undefined ? options : { ...options, host: { ...host, beginsAs } });
}

/** Runs what is to change the machine that the options name: also where it fails for an unreadable state, none is left open. */
export async function changeMachine<T>(
  call: VerbCall,
  act: (session: Session) => Promise<T>,
  asks = false,
): Promise<T> {
  await using session = await openWith(call, attendedOptions(call, asks));
  try {
    return await act(session);
  } catch (cause) {
    throw await session.ifUnreadable(cause, "protect");
  }
}

/** What the global options say. */
export function sessionOptionsOf(call: VerbCall): SessionOptions {
  const stateDir = textOption(call, "stateDir");
  return {
    host: parseHost(textOption(call, "host")),
    ...(stateDir === undefined ? {} : { stateDir }),
    allowInsecurePermissions: flagOption(call, "allowInsecurePermissions"),
    environment: call.environment,
  };
}

function parseHost(text: string | undefined): SessionOptions["host"] {
  if (text === undefined || text === "linux") return { kind: "linux" };
  if (text === "simulated") return { kind: "simulated" };
  if (text.startsWith("simulated:")) return { kind: "simulated", file: text.slice("simulated:".length) };
  throw new AwgError("usage", `there is no host "${text}"`, { remedy: "say linux, simulated or simulated:FILE" });
}

/**
 * The machine of the same name that comes with the config: examples keep theirs in `hosts/`. It is only read.
 */
function beginningOf(call: VerbCall, file: string): string | undefined {
  if (basename(file) !== file) return undefined;
  return listOption(call, "file")
    .filter((path) => path !== "-")
    .map((path) => join(statSync(path, { throwIfNoEntry: false })?.isDirectory() ? path : dirname(path), "hosts", file))
    .find((path) => existsSync(path));
}

/** Loads the config that -f names; prints every problem and throws when one is an error. */
export async function loadConfigFor(
  call: VerbCall,
  session: Session,
  files = readConfigFiles(call),
): Promise<LoadedConfig> {
  const loaded = await session.load(files);
  reportProblems(loaded.problems, call);
  if (loaded.config === undefined) {
    const errors = loaded.problems.filter(({ severity }) => severity === "error");
    const count = counted(errors.length, "error");
    const problems = errors.map((problem) => renderProblem(problem, { color: false, excerpt: false }));
    throw new AwgError("config", `the config has ${count}; nothing was changed`, { facts: { problems } });
  }
  return loaded;
}
