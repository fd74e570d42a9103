import type { HandedDown } from "../dataplane/run-engine.ts";
import { AwgError } from "../model/error.ts";
import type { LibSystem } from "../native/darwin/libsystem.ts";
import { disableInspection } from "../native/disable-inspection.ts";
import { DARWIN_NAME_FOLDER } from "./paths.ts";

/** How soon the sockets of an engine on a Mac follow the host from one network to another. */
const DARWIN_LOOK_MS = 1000;

interface KeeperOptions {
  readonly isService?: boolean;
}

/** Runs the keeper of this system until it ends; see `src/keeper/run-keeper.ts` and `src/keeper/darwin/run-utun-keeper.ts`. */
export async function runKeeper(runDir: string, options: KeeperOptions = {}): Promise<void> {
  disableInspection();
  if (process.platform === "darwin") return runDarwinKeeper(runDir, options);
  const linux = await import("../keeper/run-keeper.ts");
  return linux.runKeeper(runDir, options);
}

async function runDarwinKeeper(runDir: string, { isService = false }: KeeperOptions): Promise<void> {
  const { openLibSystem } = await import("../native/darwin/libsystem.ffi.ts");
  const { forbidDumps } = await import("../native/darwin/forbid-dumps.ts");
  const { endOnSignals } = await import("../keeper/serving/keeper-life.ts");
  const { runUtunKeeper } = await import("../keeper/darwin/run-utun-keeper.ts");
  process.umask(0o077);
  process.chdir("/");
  const system = openLibSystem();
  forbidDumps(system);
  await runUtunKeeper({ system, runDir, nameFolder: DARWIN_NAME_FOLDER, isService, ended: endOnSignals() });
}

/** Runs awg's resolver in this process, under a keeper; no other program of its user may read its memory. */
export async function runNames(): Promise<void> {
  const { forbidDumps } = await import("../native/linux/process/credentials.ffi.ts");
  const { runResolver } = await import("../resolver/run-resolver.ts");
  forbidDumps();
  await runResolver();
}

/** Runs a proxy's relay in this process, under a keeper. */
export async function runRelay(name: string): Promise<never> {
  const { runRelayProcess } = await import("../relay/relay-process.ts");
  disableInspection();
  return runRelayProcess(name);
}

/**
 * Runs the embedded engine of a device in this process. Descriptors and identity come from the keeper in the environment,
 * as for wireguard-go.
 *
 * @returns which engine ended and why; undefined: a spare that was not needed
 * @throws AwgError("usage") when this process was not started by a keeper
 */
export async function runEngine(device: string, environment: NodeJS.ProcessEnv): Promise<string | undefined> {
  disableInspection();
  const handed = process.platform === "darwin" ? darwinEngine(device, environment) : linuxEngine(device, environment);
  const how = await handed;
  if (how === undefined) {
    throw new AwgError("usage", "awg engine is started by the keeper only, which hands it its descriptors");
  }
  const { writeLog } = await import("../native/write-log.ts");
  const engine = await import("../dataplane/run-engine.ts");
  const report = (line: string) => writeLog(`${line}\n`);
  return engine.runEngine({ ...how, device, program: process.argv[1] ?? "awg", report });
}

async function linuxEngine(device: string, environment: NodeJS.ProcessEnv): Promise<HandedDown | undefined> {
  return (await import("../keeper/engines/embedded-engine.ts")).linuxHandedDown(device, environment);
}

/**
 * The descriptors that a keeper on a Mac hands down to awg's own engine. The engine makes its UAPI socket itself, as
 * wireguard-go does there.
 *
 * @param open gives the system's library; another one in tests
 */
export async function darwinEngine(
  device: string,
  environment: NodeJS.ProcessEnv,
  open?: () => LibSystem,
): Promise<HandedDown | undefined> {
  const { ENGINE_SOCKET } = await import("../keeper/darwin/engine-launch.ts");
  const { readEngineSettings } = await import("../host/darwin/engine-settings.ts");
  const { forbidDumps } = await import("../native/darwin/forbid-dumps.ts");
  const tunFd = Number(environment["WG_TUN_FD"] ?? Number.NaN);
  const path = environment[ENGINE_SOCKET];
  if (!Number.isInteger(tunFd) || path === undefined) return undefined;
  process.umask(0o077);
  const system = (open ?? (await import("../native/darwin/libsystem.ffi.ts")).openLibSystem)();
  forbidDumps(system);
  return { tunFd, uapi: { path }, hostSettings: () => readEngineSettings(system, device), lookMs: DARWIN_LOOK_MS };
}

/** Runs an engine's packets on this thread, which starts by loading the module. */
export async function runPacketThread(): Promise<void> {
  await import("../dataplane/worker/packet-thread.ts");
}

/** Replaces this process by a command inside a named network namespace; as `becomeInNamespace` of the host. */
export async function becomeInNamespace(
  run: Parameters<typeof import("../host/linux/netns.ts").becomeInNamespace>[0],
): Promise<never> {
  return (await import("../host/linux/netns.ts")).becomeInNamespace(run);
}
