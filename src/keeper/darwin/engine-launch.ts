import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, realpathSync, statSync } from "node:fs";
import { ENGINE_NODE_OPTIONS, ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import { AwgError } from "../../model/error.ts";
import type { EnsureEngine } from "../../model/keeper-protocol.ts";
import { openEngineLog } from "../engines/engine-logs.ts";

/** Folders of wireguard-go and amneziawg-go on a Mac: manual installs, Homebrew on Apple silicon, MacPorts. */
const FOLDERS = ["/usr/local/bin", "/opt/homebrew/bin", "/opt/local/bin"];
/** The descriptor number of the engine's utun. */
const TUN_DESCRIPTOR = 3;

/** The path at which awg's own engine creates its UAPI socket. */
export const ENGINE_SOCKET = "AWG_ENGINE_SOCKET";

/** The parameters of an engine's start. */
export interface EngineLaunch {
  readonly kind: EnsureEngine["engine"];
  readonly protocol: EnsureEngine["protocol"];
  /** The interface's name, which is also the name of the engine's socket. */
  readonly name: string;
  /** Its socket. */
  readonly socket: string;
  readonly tunFd: number;
  readonly logPath: string;
}

/** Starts an engine on a utun; the caller keeps its descriptor. */
export type LaunchEngine = (launch: EngineLaunch) => ChildProcess;

/** The socket of an interface's engine. */
export function engineSocketPath(root: string, protocol: EnsureEngine["protocol"], name: string): string {
  return `${root === "/" ? "" : root}${ENGINE_PROGRAMS[protocol].socketFolder}/${name}.sock`;
}

/**
 * Starts wireguard-go, amneziawg-go or awg's own engine in the foreground on a descriptor of its utun (WG_TUN_FD,
 * main.go). Each creates its UAPI socket itself, and runs as root, since it sets the interface's MTU.
 *
 * @throws AwgError("unsupported") when the program is not installed, ("permission") when other users than root could
 * change it.
 */
export const launchEngine: LaunchEngine = ({ kind, protocol, name, socket, tunFd, logPath }) => {
  const isOurs = kind === "embedded";
  const program = isOurs ? process.execPath : findProgram(`${protocol}-go`);
  const words = isOurs
    ? [...process.execArgv, ...ENGINE_NODE_OPTIONS, process.argv[1] ?? "awg", "engine", name]
    : ["-f", name];
  const log = openEngineLog(logPath);
  try {
    const child = spawn(program, words, {
      cwd: "/",
      env: {
        PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
        LOG_LEVEL: "error",
        WG_TUN_FD: String(TUN_DESCRIPTOR),
        [ENGINE_SOCKET]: socket,
      },
      stdio: ["ignore", log, log, tunFd],
    });
    child.on("error", () => {});
    if (child.pid === undefined) throw new AwgError("host", `starting ${program} for ${name} failed`);
    return child;
  } finally {
    closeSync(log);
  }
};

/**
 * The program's resolved path. Root runs no program that other users could replace; Homebrew's belong to the user who
 * installed it.
 */
function findProgram(name: string): string {
  for (const folder of FOLDERS) {
    const path = resolved(`${folder}/${name}`);
    if (path === undefined) continue;
    const { uid, mode } = statSync(path);
    if (uid === 0 && (mode & 0o022) === 0) return path;
    throw new AwgError("permission", `${path} can be changed by users other than root, so root does not run it`, {
      remedy: `copy it to /usr/local/bin, owned by root: sudo install -o root -m 755 ${path} /usr/local/bin/`,
    });
  }
  throw new AwgError("unsupported", `${name} is not installed on this Mac`, {
    remedy: `install it as /usr/local/bin/${name}`,
  });
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
