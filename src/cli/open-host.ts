import { existsSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { HostOptions } from "../app/host-options.ts";
import type { LoadedConfig } from "../app/load/loaded-config.ts";
import type { OpenHost } from "../app/open-host.ts";
import { renderProblem } from "../config/problem.ts";
import { AwgError, messageOf } from "../model/error.ts";
import { counted } from "../model/text/counted.ts";
import { readConfigFiles } from "./config-files.ts";
import { flagOption, listOption, textOption, type VerbCall } from "./verb.ts";
import { reportProblems } from "./views/problems.ts";
import { styleFor } from "./views/style.ts";

/** Opens the host that the global options name, for a verb that only reads; with `asks`, the person may be asked. */
export function openHostFor(
  call: VerbCall,
  asks = false,
  onSilentKeeper = (silence: AwgError): void => call.terminal.err(`note: ${messageOf(silence)}`),
): Promise<OpenHost> {
  return openWith(call, { ...attendedOptions(call, asks), onSilentKeeper });
}

/** Opens the host for a verb that changes it beside its resources; fails if the keeper does not respond. */
export function openHostToChange(call: VerbCall): Promise<OpenHost> {
  return openWith(call, { ...hostOptionsOf(call), waitsForOthers: true });
}

function attendedOptions(call: VerbCall, asks: boolean): HostOptions {
  const { terminal } = call;
  const isForProgram = flagOption(call, "json") || flagOption(call, "jsonStream");
  return {
    ...hostOptionsOf(call),
    isAttended: asks && terminal.interactive,
    ...(isForProgram ? {} : { onWait: (text) => terminal.err(styleFor(terminal.colorErr).dim(text)) }),
  };
}

async function openWith(call: VerbCall, options: HostOptions): Promise<OpenHost> {
  const { openHost } = await import("../compose/open.ts");
  const { host } = options;
  if (host.kind !== "simulated" || host.file === undefined || existsSync(host.file)) return openHost(options);
  const beginsAs = beginningOf(call, host.file);
  call.terminal.err(
    `note: ${host.file} does not exist; the simulated host starts as ${beginsAs ?? "a Linux laptop without tunnels"} and is saved to ${host.file}`,
  );
  return openHost(beginsAs === undefined ? options : { ...options, host: { ...host, beginsAs } });
}

/** Runs a verb that changes the host; if it fails because the state cannot be read, the host is not left open. */
export async function changeHost<T>(call: VerbCall, act: (host: OpenHost) => Promise<T>, asks = false): Promise<T> {
  await using host = await openWith(call, { ...attendedOptions(call, asks), waitsForOthers: true });
  try {
    return await act(host);
  } catch (cause) {
    const { protectAfterFailure } = await import("../app/protect/failed-verb.ts");
    throw await protectAfterFailure(host.parts, cause);
  }
}

/** What the global options say. */
export function hostOptionsOf(call: VerbCall): HostOptions {
  const stateDir = textOption(call, "stateDir");
  return {
    host: parseHost(textOption(call, "host")),
    ...(stateDir === undefined ? {} : { stateDir }),
    allowInsecurePermissions: flagOption(call, "allowInsecurePermissions"),
    environment: call.environment,
  };
}

function parseHost(text: string | undefined): HostOptions["host"] {
  if (text === undefined || text === "linux") return { kind: "linux" };
  if (text === "simulated") return { kind: "simulated" };
  if (text.startsWith("simulated:")) return { kind: "simulated", file: text.slice("simulated:".length) };
  throw new AwgError("usage", `there is no host "${text}"`, { remedy: "say linux, simulated or simulated:FILE" });
}

/** The simulated host of the same name beside the config: examples keep theirs in `hosts/`. It is only read. */
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
  { configs }: OpenHost,
  files = readConfigFiles(call),
): Promise<LoadedConfig> {
  const loaded = await configs.load(files);
  reportProblems(loaded.problems, call);
  if (loaded.config === undefined) {
    const errors = loaded.problems.filter(({ severity }) => severity === "error");
    const count = counted(errors.length, "error");
    const problems = errors.map((problem) => renderProblem(problem, { color: false, excerpt: false }));
    throw new AwgError("config", `the config has ${count}; nothing was changed`, { facts: { problems } });
  }
  return loaded;
}
