import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { sized } from "../../support/size.ts";
import { quantile } from "./load/daemon-probe.ts";
import { API_SOCKET, residentMb } from "./load/flooded-host.ts";
import { GROUPS, PrivateHost } from "./private-host.ts";

const CLIENTS = sized(200, 500);
const ROUNDS = sized(5, 20);
const SCRIPT = join(import.meta.dirname, "load", "event-clients.script.ts");

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "pkill", "curl");

interface Numbered {
  readonly place: string;
  readonly number: number;
  readonly name: string;
  readonly data: string;
}

describe.skipIf(obstacle !== undefined)(`clients of events${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const program = useBuiltProgram();
  let host: PrivateHost;
  let daemon = 0;
  let api = 0;

  /** What the stream has within these seconds, from a place on. */
  const read = (seconds: number, place?: string): readonly Numbered[] => {
    const from = place === undefined ? [] : ["-H", `Last-Event-ID: ${place}`];
    const words = ["curl", "-sN", "--max-time", String(seconds), "--unix-socket", API_SOCKET, ...from];
    const { stdout } = host.run([...words, "http://awg/api/events"]);
    return [...stdout.matchAll(/^id: (\S+-([0-9]+))\nevent: (\S+)\ndata: (.*)$/gm)].map(
      ([, at = "", number, name = "", data = ""]) => ({ place: at, number: Number(number), name, data }),
    );
  };

  beforeAll(async () => {
    host = await PrivateHost.make(temporaryFolder("events"), program());
    daemon = await host.startDaemon();
    api = await host.start(host.argv("api"), "answering on ");
  }, 120_000);
  afterAll(() => host.end(), 60_000);

  test(`${CLIENTS} at once: each event reaches them all, without a gap`, () => {
    const words = [process.execPath, SCRIPT, API_SOCKET, String(GROUPS.awg), String(CLIENTS), String(ROUNDS)];
    const { stdout, stderr } = host.run(["sh", "-c", 'ulimit -n 4096 && exec "$@"', "sh", ...words]);
    expect(stderr).toBe("");
    const { latenciesMs, closed, gaps } = JSON.parse(stdout) as {
      readonly latenciesMs: readonly number[];
      readonly closed: number;
      readonly gaps: number;
    };
    const sorted = latenciesMs.toSorted((a, b) => a - b);
    const [p50, p95] = [quantile(sorted, 0.5), quantile(sorted, 0.95)];
    console.log(`${CLIENTS} clients: p50 ${p50}, p95 ${p95}, max ${sorted.at(-1)} ms; API ${residentMb(api)} MB`);
    expect([closed, gaps]).toEqual([0, 0]);
    expect(p95).toBeLessThan(sized(500, 50));
  });

  test("over a restart of the daemon a client misses nothing; over one of the API it gets a snapshot", async () => {
    const follow = (text: string) =>
      host.start(["curl", "-sN", "--unix-socket", API_SOCKET, "http://awg/api/events"], text);
    const before = read(1);
    const place = before.at(-1)?.place ?? "";
    await follow("event: snapshot");
    process.kill(daemon, "SIGKILL");
    await follow('"available":false');
    daemon = await host.startDaemon();
    await follow('"available":true');
    await sleep(1_000);
    const missed = read(1, place);
    expect(missed.map(({ name }) => name)).not.toContain("snapshot");
    const numbers = [...new Set(missed.map(({ number }) => number))];
    const [first = 0] = numbers;
    expect(first).toBe((before.at(-1)?.number ?? 0) + 1);
    expect(numbers).toEqual(numbers.map((_, index) => first + index));
    const states = missed.filter(({ name }) => name === "service-state-changed").map(({ data }) => data);
    expect(states.slice(-2)).toEqual([`{"available":false}`, `{"available":true}`]);
    // A second may be short for the first look at the host.
    const names = (after: string) => read(1, after).map(({ name }) => name);
    await expect.poll(() => names("other-7"), { timeout: 10_000 }).toContain("snapshot");
    await expect.poll(() => names("nonsense"), { timeout: 10_000 }).toContain("snapshot");
    process.kill(api, "SIGKILL");
    api = await host.start(host.argv("api"), "answering on ");
    await expect.poll(() => names(place), { timeout: 10_000 }).toContain("snapshot");
  });
});
