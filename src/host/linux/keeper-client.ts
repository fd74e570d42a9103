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
/** For one that a signal has stopped, which whoever waits does not know before. */
const STOPPED_QUESTION_MS = 1000;
/** For one that was silent when it was last asked. */
const AGAIN_TIMEOUT_MS = 500;
/** For one who can go on without an answer. */
const READER_TIMEOUT_MS = 2000;
const STOPPED_TIMEOUT_MS = 100;
const WORK_TIMEOUT_MS = 60_000;
const LAUNCH_TIMEOUT_MS = 30_000;
/** For the next try, after one that was in vain: what is started goes on starting meanwhile, and a way back asks for each step. */
const LAUNCH_AGAIN_TIMEOUT_MS = 1000;
/** So often in turn a keeper may end by a fault of its own before no other is started. */
const MOST_FAILED_LAUNCHES = 5;
const LAUNCH_LOOK_MS = 10;
const RELAUNCH_MS = 250;

/** The keeper of this network namespace, as its clients see it. Calls are synchronous: they take less than loading node:net. */
export interface KeeperClient {
  /** What the keeper holds; undefined when none runs. Starts nothing. A reader gets what the kernel tells of a silent one. */
  status(): KeeperStatus | undefined;
  /**
   * Asks a keeper that runs, and that answers a question first: work may take long, a keeper that is stopped is told of
   * soon. Throws what the keeper reports, ("host") when none runs.
   */
  request(request: KeeperRequest): KeeperStatus;
  /** Starts a keeper unless one answers, and waits until it does. */
  ensureRunning(): Promise<void>;
  /**
   * Ends the keeper where a signal stopped it, and leaves any other alone. What it holds stays as at any other end of it: the
   * next one takes it over.
   */
  endStopped(): Promise<void>;
}

/** Called once, with why and what to do, where the keeper does not answer one who only reads. */
export type OnSilentKeeper = (silence: AwgError) => void;

/**
 * @param command absolute path and arguments that run `awg keeper --run-dir …`
 * @param onSilent makes it the client of one who only reads; without it a keeper that does not answer is an error
 */
export function keeperClient(paths: KeeperPaths, command: readonly string[], onSilent?: OnSilentKeeper): KeeperClient {
  let patienceMs = QUESTION_TIMEOUT_MS;
  let launchPatienceMs = LAUNCH_TIMEOUT_MS;
  const status = () => {
    try {
      const answered = statusUnlessStopped(paths, patienceMs);
      patienceMs = QUESTION_TIMEOUT_MS;
      return answered;
    } catch (error) {
      if (hasErrno(error, "ETIMEDOUT")) patienceMs = AGAIN_TIMEOUT_MS;
      throw error;
    }
  };
  return {
    status: onSilent === undefined ? status : readersStatus(paths, onSilent),
    request: (request) => {
      status();
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

/** The descriptors of a process that does not answer are in the kernel's hands, and the kernel tells which they are. */
function readersStatus(paths: KeeperPaths, onSilent: OnSilentKeeper): KeeperClient["status"] {
  let isTold = false;
  return () => {
    try {
      return statusOrNothing(paths, { timeoutMs: isTold ? AGAIN_TIMEOUT_MS : readersPatienceMs(paths) });
    } catch (error) {
      if (!(error instanceof AwgError && hasErrno(error, "ETIMEDOUT"))) throw error;
      const pid = Number(error.facts["pid"]);
      const devices = readTunDevicesOf(pid);
      if (devices === undefined) throw error;
      if (!isTold) onSilent(error);
      isTold = true;
      return { version: KEEPER_PROTOCOL_VERSION, pid, devices: devices.map((device) => ({ device })), tables: [] };
    }
  };
}

function readersPatienceMs({ socket }: KeeperPaths): number {
  try {
    return isStopped(unixListener(socket)?.pid ?? 0) ? STOPPED_TIMEOUT_MS : READER_TIMEOUT_MS;
  } catch {
    // Asking will tell why.
    return READER_TIMEOUT_MS;
  }
}

/** How long an answer is waited for. */
interface Patience {
  readonly timeoutMs: number;
  /** For a keeper that a signal has stopped; as long as for any other where left out. */
  readonly stoppedMs?: number;
}

/**
 * The daemon can do nothing else meanwhile, not even what is due: one that is stopped is waited for no longer than it takes to
 * be sure.
 */
function statusUnlessStopped(paths: KeeperPaths, timeoutMs: number): KeeperStatus | undefined {
  return statusOrNothing(paths, { timeoutMs, stoppedMs: Math.min(timeoutMs, STOPPED_QUESTION_MS) });
}

function statusOrNothing(paths: KeeperPaths, patience: Patience): KeeperStatus | undefined {
  try {
    return exchange(paths, { request: "status" }, patience);
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "EACCES")) return undefined;
    throw error;
  }
}

function exchange(paths: KeeperPaths, request: KeeperRequest, patience: Patience): KeeperStatus {
  const status = parseKeeperAnswer(new TextDecoder().decode(ask(paths, request, patience)));
  if (status.version === KEEPER_PROTOCOL_VERSION) return status;
  throw new AwgError("host", `the keeper speaks version ${status.version} of its protocol, this awg version 1`, {
    remedy: "stop it with the awg that started it",
  });
}

function ask(paths: KeeperPaths, request: KeeperRequest, { timeoutMs, stoppedMs = timeoutMs }: Patience): Uint8Array {
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
      return asked.receive();
    } catch (error) {
      if (stoppedMs === timeoutMs || !hasErrno(error, "ETIMEDOUT") || isStopped(pid)) throw error;
    }
    waitedMs = timeoutMs;
    return asked.receive(timeoutMs - stoppedMs);
  } catch (error) {
    if (hasErrno(error, "ETIMEDOUT")) throw silent(paths, pid, waitedMs, error);
    throw error;
  }
}

/** A keeper that is there and says nothing: it was stopped, or hangs. Its end loses nothing; the next takes all over. */
function silent({ socket }: KeeperPaths, pid: number, timeoutMs: number, cause: unknown): AwgError {
  const hasStopped = isStopped(pid);
  const waking = hasStopped ? `kill -CONT ${pid} lets it go on` : "wait and try again";
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
  // Who listens at the keeper's socket is the keeper, and while it is stopped it cannot end and leave its pid to another.
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
 * Starts the keeper in a session of its own with a clean environment. One that finds another at work ends at once; if
 * that other was just ending, this one is started again.
 */
async function launch(paths: KeeperPaths, command: readonly string[], longestMs: number): Promise<void> {
  // Loaded here because a verb that starts nothing should not pay for them.
  const { spawn } = await import("node:child_process");
  const { setTimeout: sleep } = await import("node:timers/promises");
  const [program, ...words] = command;
  if (program === undefined) throw new AwgError("bug", "nobody said how the keeper is started");
  withFilePermission("starting the keeper", () => {
    mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
    chmodSync(paths.folder, 0o700);
  });
  const deadline = performance.now() + longestMs;
  let failures = 0;
  let child = start(spawn, program, words, paths);
  while (statusOrNothing(paths, { timeoutMs: QUESTION_TIMEOUT_MS }) === undefined) {
    if (performance.now() > deadline || failures === MOST_FAILED_LAUNCHES) {
      throw new AwgError("host", "the keeper did not start", { remedy: `look into ${paths.log}` });
    }
    await sleep(LAUNCH_LOOK_MS);
    if (child.ended === undefined) continue;
    failures = child.ended === "failed" ? failures + 1 : 0;
    await sleep(RELAUNCH_MS);
    child = start(spawn, program, words, paths);
  }
}

type Spawn = typeof import("node:child_process").spawn;

/** What became of one that was started; it is well where another was at work. */
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
