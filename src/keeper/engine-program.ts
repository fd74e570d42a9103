import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { ENGINE_PROGRAMS } from "../model/engine-program.ts";
import { AwgError } from "../model/error.ts";
import type { EngineUser, EnsureEngine } from "../model/keeper-protocol.ts";
import { closeDescriptor } from "../native/linux/libc.ffi.ts";
import { isUnixSocketLive, listenOnUnixSocket } from "../native/linux/process/unix-exchange.ffi.ts";
import { makeSocketPair, sendDescriptors } from "../native/linux/process/unix-socket.ffi.ts";
import { openEngineLog } from "./engine-logs.ts";
import { ENGINE_DESCRIPTOR, engineSign } from "./orphan-engine.ts";

/** Names the identity that the embedded engine's sockets bear. */
export const ENGINE_USER = "AWG_ENGINE_USER";
/** Tells the embedded engine that its descriptors are still to come, over the socket that stands in their places. */
export const ENGINE_AWAITS = "AWG_ENGINE_AWAITS_DESCRIPTORS";
const HAND_OVER_TIMEOUT_MS = 1000;
const LAST_WITH_PACKET_INFO = 20_230_223;

/** What an engine is started with. */
export interface EngineLaunch {
  readonly device: string;
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
  readonly user: EngineUser;
  readonly tunFd: number;
  readonly logPath: string;
}

/** A process that runs an engine, or will. */
export type EngineChild = ChildProcess & { readonly pid: number };

/** The embedded engine of a device that need not be there, or known, yet: it loads, and waits for its descriptors. */
export interface SpareEngine {
  readonly child: EngineChild;
  /** Closing it ends a spare that was given nothing. */
  readonly socketFd: number;
}

/** Where an engine answers. */
export function uapiSocketPath(protocol: EnsureEngine["protocol"], device: string): string {
  return `${ENGINE_PROGRAMS[protocol].socketFolder}/${device}.sock`;
}

/**
 * Starts an engine in the foreground with the device and its UAPI socket as descriptors, so that it needs nothing of
 * root: under a service user it keeps the one capability its packet mark takes (CAP_NET_ADMIN), and its sockets bear
 * that user's uid.
 *
 * @throws AwgError("unsupported") when the program is not installed, ("conflict") when somebody else's engine answers
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

/** Starts the embedded engine ahead of its device. */
export function startSpareEngine(launch: Omit<EngineLaunch, "tunFd">): SpareEngine {
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

/** Hands a spare its device, its UAPI socket and its log: it is the engine from then on. Throws where it has ended. */
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
 * Whether the installed engine expects packet information before each packet of a TUN device it is handed. wireguard-go
 * did until it learned to read several packets at once (2023-03), which its version 0.0.20230223 and those before it
 * had not; amneziawg-go began after that.
 */
export function expectsPacketInfo(protocol: EnsureEngine["protocol"]): boolean {
  if (protocol !== "wireguard") return false;
  const { stdout } = spawnSync(engineProgramPath(protocol), ["--version"], { encoding: "utf8", timeout: 10_000 });
  return isBeforeBatchedReads(stdout ?? "");
}

/** Whether a text like "wireguard-go v0.0.20220316" names a version of before 2023-03; false when it names none. */
export function isBeforeBatchedReads(versionText: string): boolean {
  const date = /\bv?0\.0\.(20[0-9]{6})\b/.exec(versionText)?.[1];
  return date !== undefined && Number(date) <= LAST_WITH_PACKET_INFO;
}

function engineProgramPath(protocol: EnsureEngine["protocol"]): string {
  const { paths } = ENGINE_PROGRAMS[protocol];
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const name = `${protocol}-go`;
  throw new AwgError("unsupported", `there is no ${name} on this machine, which the protocol ${protocol} needs`, {
    remedy: `install ${name} as ${paths[0]}`,
  });
}

function openUapiSocket({ protocol, device, user }: Pick<EngineLaunch, "protocol" | "device" | "user">): number {
  const path = uapiSocketPath(protocol, device);
  const made = mkdirSync(ENGINE_PROGRAMS[protocol].socketFolder, { recursive: true });
  if (made !== undefined) chmodSync(made, 0o755);
  if (existsSync(path)) {
    if (isUnixSocketLive(path)) {
      throw new AwgError("conflict", `another program answers for ${device} on ${path}`, {
        remedy: "stop it, or give the tunnel another interface name",
      });
    }
    rmSync(path, { force: true });
  }
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
 * The embedded engine stays root, since it reads its program from wherever awg lies, which the service user may not; it
 * gives its sockets that user's uid one by one.
 */
function commandLine({ kind, protocol, device, user }: Omit<EngineLaunch, "tunFd">): readonly [string, ...string[]] {
  if (kind === "embedded") {
    return [process.execPath, ...process.execArgv, process.argv[1] ?? "awg", "engine", device];
  }
  const engine = [engineProgramPath(protocol), "-f", device] as const;
  if (user.uid === 0) return [...engine];
  const setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));
  if (setpriv === undefined) {
    throw new AwgError(
      "unsupported",
      "there is no setpriv on this machine, so an engine cannot run as the service user",
      {
        remedy: "install util-linux",
      },
    );
  }
  const only = "-all,+net_admin";
  const rights = [`--inh-caps=${only}`, `--ambient-caps=${only}`, `--bounding-set=${only}`, "--no-new-privs"];
  return [setpriv, `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups", ...rights, ...engine];
}
