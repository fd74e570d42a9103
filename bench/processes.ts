import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { linuxProcesses } from "../src/host/linux/processes/linux-processes.ts";
import { OWNER_TTL_MS, type OwnedSocket, type ProcessPort } from "../src/host/ports/processes.ts";
import { type Figure, median } from "./measure.ts";

const PROCESSES = 500;
/** Both ends of each are held: 2,000 sockets. */
const CONNECTIONS_EACH = 2;
const RUNS = 21;
const CACHED_CALLS = 100_000;

/** Who holds a socket, among 2,000 sockets of 500 processes, against `ss -tnp`, in turn. Needs a place of its own. */
export async function benchProcesses(): Promise<readonly Figure[]> {
  const holders = spawn(
    "python3",
    [join(import.meta.dirname, "socket-holders.py"), `${PROCESSES}`, `${CONNECTIONS_EACH}`],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  await once(holders.stdout, "data");
  try {
    return await measure();
  } finally {
    holders.stdin.end();
    await once(holders, "close");
  }
}

async function measure(): Promise<readonly Figure[]> {
  let nowMs = 0;
  const port = linuxProcesses({ nowMs: () => nowMs });
  const sockets = port.sockets().sockets.filter(({ remote }) => remote !== undefined);
  const expected = PROCESSES * CONNECTIONS_EACH * 2;
  if (sockets.length < expected) throw new Error(`${sockets.length} of ${expected} sockets were found`);
  const times: Record<"one" | "fresh" | "cold" | "all" | "ssOne" | "ssAll", number[]> = {
    one: [],
    fresh: [],
    cold: [],
    all: [],
    ssOne: [],
    ssAll: [],
  };
  for (let run = 0; run < RUNS; run++) {
    const socket = sockets[(run * 97) % sockets.length] as OwnedSocket;
    nowMs += OWNER_TTL_MS;
    times.one.push(timeMs(() => mustOwn(port, socket)));
    times.fresh.push(await timeOfNewSocket(port));
    times.ssOne.push(timeMs(() => mustList(filterFor(socket), 1)));
    times.cold.push(timeMs(() => mustOwn(linuxProcesses({ nowMs: () => nowMs }), socket)));
    times.all.push(timeMs(() => port.sockets()));
    times.ssAll.push(timeMs(() => mustList([], expected)));
  }
  const filtered = { name: "ss -tnp of one tuple", value: median(times.ssOne) };
  const all = { name: "ss -tnp", value: median(times.ssAll) };
  return [
    figure("owner of one tuple, warm", times.one, filtered, 0.1),
    figure("owner of a socket that was just made, warm", times.fresh, filtered, 0.1),
    figure("owner of one tuple, nothing known yet", times.cold, filtered, 1),
    figure("owners of all sockets", times.all, all, 1),
    {
      name: "owner of one tuple, kept",
      unit: "µs",
      ours: cachedMicroseconds(port, sockets[0] as OwnedSocket),
      peer: { name: "the demand", value: 5 },
      atMost: 1,
    },
  ];
}

function figure(name: string, times: readonly number[], peer: Figure["peer"], atMost: number): Figure {
  return { name, unit: "ms", ours: median(times), peer, atMost };
}

/** A socket that nobody was asked about yet: the process that has it now has one file more than before. */
async function timeOfNewSocket(port: ProcessPort): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const local = { address: "127.0.0.1", port: (server.address() as AddressInfo).port };
    return timeMs(() => {
      const pid = port.ownerOf({ protocol: "tcp", local })?.holders[0]?.pid;
      if (pid !== process.pid) throw new Error(`the owner is ${pid}, not this process`);
    });
  } finally {
    server.close();
  }
}

function mustOwn(port: ProcessPort, socket: OwnedSocket): void {
  const found = port.ownerOf(socket)?.holders[0]?.pid;
  if (found !== socket.holders[0]?.pid) throw new Error(`the owner is ${found}, not ${socket.holders[0]?.pid}`);
}

function cachedMicroseconds(port: ProcessPort, socket: OwnedSocket): number {
  for (let warm = 0; warm < 2; warm++) {
    const ms = timeMs(() => {
      for (let call = 0; call < CACHED_CALLS; call++) port.ownerOf(socket);
    });
    if (warm === 1) return (ms * 1000) / CACHED_CALLS;
  }
  return Number.NaN;
}

function filterFor({ local, remote }: OwnedSocket): readonly string[] {
  return ["src", `${local.address}:${local.port}`, "dst", `${remote?.address}:${remote?.port}`];
}

function mustList(filter: readonly string[], least: number): void {
  const { stdout } = spawnSync("ss", ["-tnp", ...filter], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const found = stdout.split("pid=").length - 1;
  if (found < least) throw new Error(`ss reported ${found} of ${least} processes`);
}

function timeMs(call: () => void): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}
