import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { waitFor } from "../../../lab/world/command.ts";
import type { AwgInWorld } from "../../awg-in-world.ts";

/** System calls by which a keeper makes devices, starts processes, writes to the kernel and to its files. */
export const keeperCalls = ["ioctl", "clone", "execve", "sendto", "bind", "unlink", "write"] as const;

/** One of the keeper's side effects: its n-th call of a kind, or of `execve` the n-th program that it starts. */
export interface Place {
  readonly call: (typeof keeperCalls)[number];
  readonly n: number;
}

const startLimitMs = 60_000;

/**
 * Does something while the keeper is watched, which is killed at that call; of `execve` the program dies that it starts.
 * Gives whether it came to that.
 */
export async function withKeeperKilledAt(awg: AwgInWorld, place: Place, act: () => Promise<unknown>): Promise<boolean> {
  const keeper = await keeperOf(awg);
  if (keeper === undefined) throw new Error("no keeper runs");
  await using tracer = await trace(keeper, place);
  await act();
  return place.call === "execve" ? tracer.killed() : (await keeperOf(awg)) !== keeper;
}

/** Starts a keeper as an apply would; it is held by a connection until that is closed, since it would end for having nothing to do. */
export async function startKeeper(awg: AwgInWorld): Promise<Disposable> {
  const [program = "", ...words] = awg.argvInside("keeper", "--run-dir", awg.runDir);
  spawn(program, words, { stdio: "ignore", detached: true }).unref();
  await waitFor("a keeper", () => keeperOf(awg), startLimitMs);
  const socket = await waitFor("the keeper's socket", () => connected(awg.keeperSocket), startLimitMs);
  socket.on("error", () => undefined);
  return { [Symbol.dispose]: () => void socket.destroy() };
}

async function keeperOf(awg: AwgInWorld): Promise<number | undefined> {
  return (await awg.processes()).find(({ command }) => command.includes(" keeper --run-dir"))?.pid;
}

async function connected(path: string): Promise<ReturnType<typeof connect> | undefined> {
  const socket = connect(path);
  try {
    await once(socket, "connect");
    return socket;
  } catch {
    socket.destroy();
    return undefined;
  }
}

interface Tracer extends AsyncDisposable {
  /** Whether a program was killed that the keeper had started. */
  killed(): boolean;
}

/** strace on the keeper's main thread, which makes all calls that matter; with what it starts where that is to die. */
async function trace(keeper: number, { call, n }: Place): Promise<Tracer> {
  const injected = call === "execve" ? ["-f"] : ["-e", `inject=${call}:signal=KILL:when=${n}`];
  const argv = ["-e", `trace=${call}`, ...injected, "-p", String(keeper)];
  const tracer = spawn("strace", argv, { stdio: ["ignore", "ignore", "pipe"] });
  const ended = once(tracer, "exit");
  let killed = false;
  let started = 0;
  const lines = createInterface(tracer.stderr);
  const attached = once(lines, "line");
  lines.on("line", (line) => {
    const [, pid] = /^\[pid +(\d+)\] .*execve.* = 0$/.exec(line) ?? [];
    if (pid === undefined || killed) return;
    started += 1;
    if (started < n) return;
    killed = kill(Number(pid));
  });
  await Promise.race([attached, ended]);
  if (tracer.exitCode !== null) throw new Error("strace could not attach to the keeper");
  return {
    killed: () => killed,
    [Symbol.asyncDispose]: async () => {
      tracer.kill("SIGKILL");
      await ended;
    },
  };
}

/** Whether the process was still there; a short one may have ended by itself, then the next one is killed. */
function kill(pid: number): boolean {
  try {
    return process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
