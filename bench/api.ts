/**
 * Figures of the daemon's and the API's sockets: `node bench/api.ts [seconds of a flood] [calls]`. Needs Linux and root.
 * One line a figure, against what is demanded; a flood has its figures in one line.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync } from "node:fs";
import { Agent, request } from "node:http";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonProbe, quantile } from "../test/e2e/live/load/daemon-probe.ts";
import {
  API_SOCKET,
  DAEMON_SOCKET,
  FLOODS,
  flood,
  renderFlooded,
  residentMb,
} from "../test/e2e/live/load/flooded-host.ts";
import { GROUPS, PrivateHost } from "../test/e2e/live/private-host.ts";
import { GrpcClient } from "../test/http/grpc/grpc-client.ts";
import { type Figure, median, renderFigure } from "./measure.ts";
import { installAwg } from "./program.ts";

const [seconds = "5", calls = "20000"] = process.argv.slice(2);
const WARM = 1_000;
const EVENT_CLIENTS = 500;
const PARALLEL = 32;

const folder = mkdtempSync(join(tmpdir(), "awg-bench-api-"));
const host = await PrivateHost.make(folder, installAwg(folder));
try {
  const daemon = await host.startDaemon();
  const api = await host.startApi();
  const socket = host.outside(API_SOCKET);
  for (const measure of [firstCall, () => idleEnd(), () => warmHttp(socket), () => warmGrpc(socket), daemonAnswers]) {
    for (const figure of await measure()) console.log(renderFigure(figure));
  }
  console.log(renderFigure(demand("memory of an idle API process with gRPC loaded", "MB", residentMb(api), 120)));
  await manyCalls(socket, Number(calls));
  console.log(renderFigure(demand(`memory of the API process after ${calls} calls`, "MB", residentMb(api), 120)));
  console.log(renderFigure(await events()));
  const idleMb = residentMb(daemon);
  console.log(`an idle daemon has ${idleMb.toFixed(0)} MB`);
  for (const kind of ["none", ...FLOODS] as const) {
    const flooded = await flood(host, { daemon, api }, kind, Number(seconds));
    console.log(`${renderFlooded(kind, flooded)}; load ${loadavg()[0]?.toFixed(0)}`);
  }
} finally {
  await host.end();
}

/** A figure against what is demanded of it. */
function demand(name: string, unit: string, ours: number, most: number): Figure {
  return { name, unit, ours, peer: { name: "demanded", value: most }, atMost: 1 };
}

/** A socket as a service manager opens it; its first client starts the process. */
async function firstCall(): Promise<readonly Figure[]> {
  const times: number[] = [];
  for (let run = 0; run < 5; run += 1) {
    const path = `/run/first-${run}.sock`;
    await host.start(["systemd-socket-activate", "-l", path, ...host.argv("api", "--idle", "1s")], "Listening");
    const began = performance.now();
    await get(host.outside(path), "/api/status", undefined);
    times.push(performance.now() - began);
  }
  return [demand("first call, which starts the API process", "ms", median(times), 400)];
}

async function idleEnd(): Promise<readonly Figure[]> {
  const path = "/run/idle.sock";
  const words = host.inside(["systemd-socket-activate", "-l", path, ...host.argv("api", "--idle", "1s")]);
  const child = spawn(words[0] ?? "", words.slice(1), { stdio: ["ignore", "ignore", "pipe"] });
  await once(child.stderr, "data");
  await get(host.outside(path), "/api/status", undefined);
  const began = performance.now();
  await once(child, "exit");
  return [
    demand("end of an API process with --idle 1s, after its last client", "ms", performance.now() - began, 1_500),
  ];
}

async function warmHttp(path: string): Promise<readonly Figure[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const sorted = await timesOf(() => get(path, "/api/status", agent));
  agent.destroy();
  return [
    demand(`status by HTTP, warm, p95 (p50 ${quantile(sorted, 0.5).toFixed(2)})`, "ms", quantile(sorted, 0.95), 2),
  ];
}

async function warmGrpc(path: string): Promise<readonly Figure[]> {
  using client = new GrpcClient(path);
  const sorted = await timesOf(() => client.call("Status"));
  return [
    demand(`status by gRPC, warm, p95 (p50 ${quantile(sorted, 0.5).toFixed(2)})`, "ms", quantile(sorted, 0.95), 4),
  ];
}

async function daemonAnswers(): Promise<readonly Figure[]> {
  using probe = new DaemonProbe(host.outside(DAEMON_SOCKET), "status", 5);
  await sleep(5_000);
  return [demand("status by the daemon's socket, p99", "ms", quantile(probe.times, 0.99), 100)];
}

async function timesOf(call: () => Promise<unknown>): Promise<readonly number[]> {
  for (let count = 0; count < WARM / 4; count += 1) await call();
  const times: number[] = [];
  for (let count = 0; count < WARM; count += 1) {
    const began = performance.now();
    await call();
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b);
}

/** Half of them by HTTP, half by gRPC. */
async function manyCalls(path: string, count: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: PARALLEL });
  using client = new GrpcClient(path);
  const worker = async (): Promise<void> => {
    for (let call = 0; call < count / PARALLEL / 2; call += 1) {
      await Promise.all([get(path, "/api/status", agent), client.call("Status")]);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  agent.destroy();
}

async function events(): Promise<Figure> {
  const script = join(import.meta.dirname, "../test/e2e/live/load/event-clients.script.ts");
  const words = [process.execPath, script, API_SOCKET, String(GROUPS.awg), String(EVENT_CLIENTS), "20"];
  const { stdout, stderr } = host.run(["sh", "-c", 'ulimit -n 4096 && exec "$@"', "sh", ...words]);
  if (stdout === "") throw new Error(stderr);
  const sorted = (JSON.parse(stdout) as { latenciesMs: number[] }).latenciesMs.sort((a, b) => a - b);
  const rest = `p50 ${quantile(sorted, 0.5)}, max ${sorted.at(-1)}`;
  return demand(
    `from the daemon to ${EVENT_CLIENTS} clients of events, p95 (${rest})`,
    "ms",
    quantile(sorted, 0.95),
    50,
  );
}

/** @param agent a connection of its own when absent */
function get(socketPath: string, path: string, agent: Agent | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, agent: agent ?? false }, (answer) => {
      answer.resume().once("end", () => {
        if (answer.statusCode === 200) resolve();
        else reject(new Error(`${path} gave ${answer.statusCode}`));
      });
    });
    asked.once("error", reject).end();
  });
}
