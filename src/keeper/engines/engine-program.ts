import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { ENGINE_NODE_OPTIONS, ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import { AwgError } from "../../model/error.ts";
import type { EngineUser, EnsureEngine } from "../../model/keeper-protocol.ts";
import { closeDescriptor } from "../../native/linux/libc.ffi.ts";
import { controlSockets, engineSocket } from "../../native/linux/process/engine-sockets.ts";
import { isUnixSocketLive, listenOnUnixSocket } from "../../native/linux/process/unix-exchange.ffi.ts";
import { makeSocketPair, sendDescriptors } from "../../native/linux/process/unix-socket.ffi.ts";
import { openEngineLog } from "./engine-logs.ts";
import { ENGINE_DESCRIPTOR, engineSign } from "./orphan-engine.ts";

/** The variable with the user of the embedded engine's sockets. */
export const ENGINE_USER = "AWG_ENGINE_USER";
/** The variable that makes the embedded engine wait for its descriptors, over the socket in their place. */
export const ENGINE_AWAITS = "AWG_ENGINE_AWAITS_DESCRIPTORS";
const HAND_OVER_TIMEOUT_MS = 1000;
const LAST_WITH_PACKET_INFO = 20_230_223;

/** The parameters of an engine's start. */
export interface EngineLaunch {
  readonly device: string;
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
  readonly user: EngineUser;
  readonly tunFd: number;
  readonly logPath: string;
  /** The keeper's folder, for a control socket that cannot have the shared name. */
  readonly folder: string;
}

/** A process that runs an engine, or a spare one. */
export type EngineChild = ChildProcess & { readonly pid: number };

/** An embedded engine, perhaps before its device is known: it loads and waits for its descriptors. */
export interface SpareEngine {
  readonly child: EngineChild;
  /** Closing it ends an unused spare. */
  readonly socketFd: number;
}

/**
 * Starts an engine in the foreground with the descriptors of its device and UAPI socket, so that it needs no root. As
 * the service user it keeps CAP_NET_ADMIN for its packet mark, and its sockets have that user's uid.
 *
 * @throws AwgError("unsupported") when the program is not installed, ("conflict") when another program's engine answers
 * for the device.
 */
export function startEngineProgram(launch: EngineLaunch): EngineChild {
  const command = commandLine(launch);
  const uapiFd = openUapiSocket(launch);
  try {
    return spawnEngine(launch, command, [launch.tunFd, uapiFd], engineEnvironment(launch));
  } finally {
    closeDescriptor(uapiFd);
  }
}

/** Starts the embedded engine in advance. */
export function startSpareEngine(launch: Omit<EngineLaunch, "tunFd" | "folder">): SpareEngine {
  const [ours, theirs] = makeSocketPair();
  try {
    const environment = { ...engineEnvironment(launch), [ENGINE_AWAITS]: "1" };
    return { child: spawnEngine(launch, commandLine(launch), [theirs, theirs], environment), socketFd: ours };
  } catch (error) {
    closeDescriptor(ours);
    throw error;
  } finally {
    closeDescriptor(theirs);
  }
}

/** Passes device, UAPI socket and log to a spare, which becomes the engine. Throws if it has ended. */
export function handOver({ child, socketFd }: SpareEngine, launch: EngineLaunch): EngineChild {
  const uapiFd = openUapiSocket(launch);
  const log = openEngineLog(launch.logPath);
  try {
    sendDescriptors(socketFd, Uint8Array.of(1), [launch.tunFd, uapiFd, log], HAND_OVER_TIMEOUT_MS);
    return child;
  } finally {
    closeSync(log);
    closeDescriptor(uapiFd);
    closeDescriptor(socketFd);
  }
}

function spawnEngine(
  { device, logPath }: Pick<EngineLaunch, "device" | "logPath">,
  [program, ...words]: readonly [string, ...string[]],
  descriptors: readonly [number, number],
  env: NodeJS.ProcessEnv,
): EngineChild {
  const log = openEngineLog(logPath);
  try {
    const stdio = ["ignore" as const, log, log, ...descriptors];
    const child = spawn(program, words, { cwd: "/", env, stdio, detached: true });
    child.on("error", () => {});
    if (child.pid === undefined) throw new AwgError("host", `starting ${program} for ${device} failed`);
    return Object.assign(child, { pid: child.pid });
  } finally {
    closeSync(log);
  }
}

/**
 * Whether the installed engine expects packet information before each packet of its TUN device. wireguard-go did until
 * it learned to read several packets at once (2023-03); version 0.0.20230223 and earlier had not. amneziawg-go began
 * after that.
 */
export function expectsPacketInfo(protocol: EnsureEngine["protocol"]): boolean {
  if (protocol !== "wireguard") return false;
  const { stdout } = spawnSync(engineProgramPath(protocol), ["--version"], { encoding: "utf8", timeout: 10_000 });
  return isBeforeBatchedReads(stdout ?? "");
}

/** Whether a text like "wireguard-go v0.0.20220316" has a version before 2023-03; false without a version. */
export function isBeforeBatchedReads(versionText: string): boolean {
  const date = /\bv?0\.0\.(20[0-9]{6})\b/.exec(versionText)?.[1];
  return date !== undefined && Number(date) <= LAST_WITH_PACKET_INFO;
}

function engineProgramPath(protocol: EnsureEngine["protocol"]): string {
  const { paths } = ENGINE_PROGRAMS[protocol];
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const name = `${protocol}-go`;
  throw new AwgError("unsupported", `${name} is not installed; the protocol ${protocol} needs it`, {
    remedy: `install ${name} as ${paths[0]}`,
  });
}

/** At the shared name, or in the keeper's folder while an engine of another network namespace has that name. */
function openUapiSocket({
  protocol,
  device,
  user,
  folder,
}: Pick<EngineLaunch, "protocol" | "device" | "user" | "folder">): number {
  const made = mkdirSync(ENGINE_PROGRAMS[protocol].socketFolder, { recursive: true });
  if (made !== undefined) chmodSync(made, 0o755);
  for (const { path } of controlSockets(folder, device, [protocol])) {
    if (isUnixSocketLive(path)) {
      throw new AwgError("conflict", `another program answers for ${device} on ${path}`, {
        remedy: "stop it, or set another interface name for the tunnel",
      });
    }
    rmSync(path, { force: true });
  }
  const path = engineSocket(folder, protocol, device);
  const fd = listenOnUnixSocket(path);
  chmodSync(path, 0o600);
  chownSync(path, user.uid, user.gid);
  return fd;
}

function engineEnvironment({
  kind,
  protocol,
  user,
}: Pick<EngineLaunch, "kind" | "protocol" | "user">): NodeJS.ProcessEnv {
  return {
    PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
    LOG_LEVEL: "error",
    WG_TUN_FD: String(ENGINE_DESCRIPTOR.tun),
    WG_UAPI_FD: String(ENGINE_DESCRIPTOR.uapi),
    ...(kind === "embedded" ? { [ENGINE_USER]: `${user.uid}:${user.gid}` } : {}),
    ...engineSign(kind, protocol),
  };
}

/**
 * The embedded engine stays root, since awg's program files may be unreadable for the service user; it gives each
 * socket that user's uid.
 */
function commandLine({
  kind,
  protocol,
  device,
  user,
}: Omit<EngineLaunch, "tunFd" | "folder">): readonly [string, ...string[]] {
  if (kind === "embedded") {
    return [process.execPath, ...process.execArgv, ...ENGINE_NODE_OPTIONS, process.argv[1] ?? "awg", "engine", device];
  }
  const engine = [engineProgramPath(protocol), "-f", device] as const;
  if (user.uid === 0) return [...engine];
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  if (setpriv === undefined) {
    throw new AwgError("unsupported", "setpriv is not installed, so an engine cannot run as the service user", {
      remedy: "install util-linux",
    });
  }
  const only = "-all,+net_admin";
  const rights = [`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`, "--no-new-privs"];
  return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", ...rights, ...engine];
}
