import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import {
  KEEPER_PROTOCOL_VERSION,
  type KeeperPaths,
  type KeeperRequest,
  type KeeperStatus,
  MAX_REQUEST_BYTES,
  parseKeeperAnswer,
  renderKeeperRequest,
} from "../../model/keeper-protocol.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import { readProcessState } from "../../native/linux/process/process-state.ts";
import { readTunDevicesOf } from "../../native/linux/process/tun-holders.ts";
import { beginUnixExchange, isUnixSocketLive, unixListener } from "../../native/linux/process/unix-exchange.ffi.ts";
import { withFilePermission } from "./file-permission.ts";

const QUESTION_TIMEOUT_MS = 5000;
/** Query timeout for a keeper that may be stopped by a signal. */
const STOPPED_QUESTION_MS = 1000;
/** Timeout for a keeper that did not answer the last query. */
const AGAIN_TIMEOUT_MS = 500;
/** Timeout for a reader, which can continue without an answer. */
const READER_TIMEOUT_MS = 2000;
const STOPPED_TIMEOUT_MS = 100;
const WORK_TIMEOUT_MS = 60_000;
const LAUNCH_TIMEOUT_MS = 30_000;
/**
 * Timeout of the next launch after a failed one. A started keeper keeps loading meanwhile, and a rollback asks at each
 * step.
 */
const LAUNCH_AGAIN_TIMEOUT_MS = 1000;
/** After this many failed launches in a row no other is tried. */
const MOST_FAILED_LAUNCHES = 5;
const LAUNCH_LOOK_MS = 10;
const RELAUNCH_MS = 250;

/** The keeper of this network namespace, as its clients see it. A call blocks this process for milliseconds at most. */
export interface KeeperClient {
  /** The keeper's folder, which also holds control sockets that cannot have the shared name. */
  readonly folder: string;
  /**
   * What the keeper holds; undefined when none runs. Starts nothing. For a silent keeper a reader gets what the kernel
   * reports.
   */
  status(): Promise<KeeperStatus | undefined>;
  /**
   * Sends a request to a running keeper, after a short query that detects a stopped one. Throws what the keeper
   * reports, or AwgError("host") when none runs.
   */
  request(request: KeeperRequest): Promise<KeeperStatus>;
  /** Starts a keeper unless one answers, and waits until it does. */
  ensureRunning(): Promise<void>;
  /**
   * Ends the keeper if a signal stopped it, and no other. The next keeper adopts what it holds, as after any other end.
   */
  endStopped(): Promise<void>;
}

/** Called once with the reason and the remedy when the keeper does not answer a reader. */
export type OnSilentKeeper = (silence: AwgError) => void;

/**
 * @param command absolute path and arguments that run `awg keeper --run-dir …`
 * @param onSilent makes this the client of a reader; without it a silent keeper is an error
 */
export function keeperClient(paths: KeeperPaths, command: readonly string[], onSilent?: OnSilentKeeper): KeeperClient {
  let patienceMs = QUESTION_TIMEOUT_MS;
  let launchPatienceMs = LAUNCH_TIMEOUT_MS;
  const status = async () => {
    try {
      const answered = await statusUnlessStopped(paths, patienceMs);
      patienceMs = QUESTION_TIMEOUT_MS;
      return answered;
    } catch (error) {
      if (hasErrno(error, "ETIMEDOUT")) patienceMs = AGAIN_TIMEOUT_MS;
      throw error;
    }
  };
  return {
    folder: paths.folder,
    status: onSilent === undefined ? status : readersStatus(paths, onSilent),
    request: async (request) => {
      await status();
      return exchange(paths, request, { timeoutMs: WORK_TIMEOUT_MS });
    },
    ensureRunning: async () => {
      if (!isUnixSocketLive(paths.socket)) {
        const longestMs = launchPatienceMs;
        launchPatienceMs = LAUNCH_AGAIN_TIMEOUT_MS;
        await launch(paths, command, longestMs);
      }
      launchPatienceMs = LAUNCH_TIMEOUT_MS;
    },
    endStopped: async () => endStopped(paths),
  };
}

/** The kernel lists the descriptors of a keeper that does not answer. */
function readersStatus(paths: KeeperPaths, onSilent: OnSilentKeeper): KeeperClient["status"] {
  let isReported = false;
  return async () => {
    try {
      return await statusOrNothing(paths, { timeoutMs: isReported ? AGAIN_TIMEOUT_MS : readersPatienceMs(paths) });
    } catch (error) {
      if (!(error instanceof AwgError && hasErrno(error, "ETIMEDOUT"))) throw error;
      const pid = Number(error.facts["pid"]);
      const devices = readTunDevicesOf(pid);
      if (devices === undefined) throw error;
      if (!isReported) onSilent(error);
      isReported = true;
      return { version: KEEPER_PROTOCOL_VERSION, pid, devices: devices.map((device) => ({ device })), tables: [] };
    }
  };
}

function readersPatienceMs({ socket }: KeeperPaths): number {
  try {
    return isStopped(unixListener(socket)?.pid ?? 0) ? STOPPED_TIMEOUT_MS : READER_TIMEOUT_MS;
  } catch {
    // The query itself will report why.
    return READER_TIMEOUT_MS;
  }
}

/** How long to wait for an answer. */
interface Patience {
  readonly timeoutMs: number;
  /** For a keeper that a signal stopped; same as for any other when absent. */
  readonly stoppedMs?: number;
}

/** A stopped keeper is waited for only as long as needed to be sure. */
function statusUnlessStopped(paths: KeeperPaths, timeoutMs: number): Promise<KeeperStatus | undefined> {
  return statusOrNothing(paths, { timeoutMs, stoppedMs: Math.min(timeoutMs, STOPPED_QUESTION_MS) });
}

async function statusOrNothing(paths: KeeperPaths, patience: Patience): Promise<KeeperStatus | undefined> {
  try {
    return await exchange(paths, { request: "status" }, patience);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "EACCES")) return undefined;
    throw error;
  }
}

async function exchange(paths: KeeperPaths, request: KeeperRequest, patience: Patience): Promise<KeeperStatus> {
  const status = parseKeeperAnswer(new TextDecoder().decode(await ask(paths, request, patience)));
  if (status.version === KEEPER_PROTOCOL_VERSION) return status;
  throw new AwgError("host", `the keeper speaks version ${status.version} of its protocol, this awg version 1`, {
    remedy: "stop it with the awg that started it",
  });
}

async function ask(
  paths: KeeperPaths,
  request: KeeperRequest,
  { timeoutMs, stoppedMs = timeoutMs }: Patience,
): Promise<Uint8Array> {
  let pid = 0;
  let waitedMs = stoppedMs;
  try {
    using asked = beginUnixExchange({
      path: paths.socket,
      request: new TextEncoder().encode(renderKeeperRequest(request)),
      terminator: Uint8Array.of(10),
      maxAnswerBytes: MAX_REQUEST_BYTES,
      timeoutMs: stoppedMs,
      checkPeer: (peer) => {
        checkPeer(peer);
        pid = peer.pid ?? 0;
      },
    });
    try {
      return await asked.receiveLater();
    } catch (error) {
      if (stoppedMs === timeoutMs || !hasErrno(error, "ETIMEDOUT") || isStopped(pid)) throw error;
    }
    waitedMs = timeoutMs;
    return await asked.receiveLater(timeoutMs - stoppedMs);
  } catch (error) {
    if (hasErrno(error, "ETIMEDOUT")) throw silent(paths, pid, waitedMs, error);
    throw error;
  }
}

/**
 * The error for a keeper that runs but does not answer: it was stopped, or hangs. Ending it is safe; the next one
 * adopts all it holds.
 */
function silent({ socket }: KeeperPaths, pid: number, timeoutMs: number, cause: unknown): AwgError {
  const hasStopped = isStopped(pid);
  const waking = hasStopped ? `kill -CONT ${pid} resumes it` : "wait and try again";
  return new AwgError(
    "host",
    `the keeper (process ${pid}) behind ${socket} ${hasStopped ? "is stopped and " : ""}did not answer for ${timeoutMs / 1000} s`,
    {
      cause,
      facts: { errno: "ETIMEDOUT", pid, stopped: hasStopped },
      remedy: `${waking}; or end it with kill -KILL ${pid}: tunnels and packet filter stay, and the next awg apply or daemon starts another`,
    },
  );
}

/** Whether a signal stopped it. */
function isStopped(pid: number): boolean {
  return readProcessState(pid) === "T";
}

function isKeeper(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("keeper");
}

async function endStopped({ socket }: KeeperPaths): Promise<void> {
  // The process that listens on the keeper's socket is the keeper. While it is stopped it cannot exit, so its pid
  // cannot be reused.
  const listener = unixListener(socket);
  if (listener?.pid === undefined || listener.pid <= 1) return;
  checkPeer(listener);
  if (!isStopped(listener.pid) || !isKeeper(listener.pid)) return;
  process.kill(listener.pid, "SIGKILL");
  const { setTimeout: sleep } = await import("node:timers/promises");
  const deadline = performance.now() + QUESTION_TIMEOUT_MS;
  while (isUnixSocketLive(socket) && performance.now() < deadline) await sleep(LAUNCH_LOOK_MS);
}

function checkPeer({ uid }: { readonly uid: number }): void {
  if (uid === 0 || uid === process.geteuid?.()) return;
  throw new AwgError("permission", `the keeper's socket is served by uid ${uid}, which is not root`);
}

/**
 * Starts the keeper in a new session with a clean environment. It exits at once if another keeper runs; if that one was
 * just exiting, this starts again.
 */
async function launch(paths: KeeperPaths, command: readonly string[], longestMs: number): Promise<void> {
  // Loaded here so that verbs that start nothing do not pay for it.
  const { spawn } = await import("node:child_process");
  const { setTimeout: sleep } = await import("node:timers/promises");
  const [program, ...words] = command;
  if (program === undefined) throw new AwgError("bug", "the keeper's command is missing");
  withFilePermission("starting the keeper", () => {
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
    chmodSync(paths.folder, 0o700);
  });
  const deadline = performance.now() + longestMs;
  let failures = 0;
  let child = start(spawn, program, words, paths);
  while ((await statusOrNothing(paths, { timeoutMs: QUESTION_TIMEOUT_MS })) === undefined) {
    if (performance.now() > deadline || failures === MOST_FAILED_LAUNCHES) {
      throw new AwgError("host", "the keeper did not start", { remedy: `see ${paths.log}` });
    }
    await sleep(LAUNCH_LOOK_MS);
    if (child.ended === undefined) continue;
    failures = child.ended === "failed" ? failures + 1 : 0;
    await sleep(RELAUNCH_MS);
    child = start(spawn, program, words, paths);
  }
}

type Spawn = typeof import("node:child_process").spawn;

/** How a launched keeper ended; exiting because another one runs is a success. */
interface Started {
  ended?: "well" | "failed";
}

function start(spawn: Spawn, program: string, words: readonly string[], paths: KeeperPaths): Started {
  const log = openSync(paths.log, "a", 0o600);
  const state: Started = {};
  try {
    const child = spawn(program, words, {
      cwd: "/",
      detached: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C.UTF-8" },
      stdio: ["ignore", log, log],
    });
    child.on("error", () => {
      state.ended = "failed";
    });
    child.on("exit", (code) => {
      state.ended = code === 0 ? "well" : "failed";
    });
    child.unref();
    return state;
  } finally {
    closeSync(log);
  }
}
