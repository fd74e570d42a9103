import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { setTimer } from "../../src/daemon/timers.ts";
import { RulesetWatchdog, renderGuarded } from "../../src/daemon/watch/ruleset-watchdog.ts";
import type { NetworkEvent } from "../../src/host/ports/network-events.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import { tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const KEY = Buffer.alloc(32, 7).toString("base64");
/** Less than the 30 s after which the daemon looks although nothing happened. */
const LONGEST_MS = 20_000;
const benches: DaemonBench[] = [];
afterEach(async () => {
  for (const bench of benches.splice(0)) await bench[Symbol.asyncDispose]();
});

/** A daemon on a simulated machine with a kill switch, whose events the test tells. */
class DaemonBench implements AsyncDisposable {
  readonly folder = temporaryFolder("guard");
  readonly options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  readonly reports: DaemonReport[] = [];
  readonly key = join(this.folder, "key");
  /** The program that is said to hold the tunnel's port. */
  holder: string | undefined;
  readonly #stop = Promise.withResolvers<void>();
  readonly #listeners = new Set<(event: NetworkEvent) => void>();
  readonly parts = this.#parts();
  readonly session = new TestSession(this.parts, this.options);
  #running: Promise<void> | undefined;

  constructor() {
    benches.push(this);
    writeFileSync(this.key, `${KEY}\n`, { mode: 0o600 });
  }

  async apply(text: string, confirmWithinMs?: number): Promise<void> {
    const planned = await this.session.plan(await this.session.load([{ name: "a.yaml", text, mode: 0o600 }]));
    const asked = confirmWithinMs === undefined ? {} : { confirmWithinMs };
    await this.session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined, ...asked });
  }

  /** Starts the daemon on this config, and waits until it has looked. */
  async start(text: string): Promise<void> {
    const file = join(this.folder, "a.yaml");
    writeFileSync(file, text, { mode: 0o600 });
    this.#running = keepHost(this.session.useCases(), {
      ...this.options,
      outside: daemonOutside(this.options),
      files: [file],
      report: (report) => void this.reports.push(report),
      untilStopped: this.#stop.promise,
    });
    await this.until("its first look", () => this.types.some((type) => type === "inSync" || type === "stalled"));
  }

  get types(): readonly string[] {
    return this.reports.map(({ type }) => type);
  }

  async policy(): Promise<FirewallPolicy | null> {
    return (await this.parts.host.firewall.read()).policy;
  }

  /** The keeper dies and somebody flushes everything; of either nothing is told. */
  async flush(): Promise<void> {
    await this.parts.host.firewall.load(null);
  }

  tell(event: Partial<NetworkEvent>): void {
    for (const listener of this.#listeners) listener({ what: "routes", renumbered: false, ...event });
  }

  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = performance.now() + LONGEST_MS;
    while (!(await isSo())) {
      if (performance.now() > endMs) throw new Error(`${what} did not come: ${JSON.stringify(this.reports)}`);
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.resolve();
    await this.#running;
    rmSync(this.folder, { recursive: true, force: true });
  }

  #parts() {
    const parts = simulatedParts({ ...this.options, stateDir: join(this.folder, "state") });
    const engines = { ...parts.host.engines, portHolder: async () => this.holder };
    const watch = (onEvent: (event: NetworkEvent) => void) => {
      this.#listeners.add(onEvent);
      return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(onEvent) };
    };
    return { ...parts, host: { ...parts.host, engines }, events: { watch } };
  }

  config(mtu = 1400, more = ""): string {
    return tunnelConfig({
      keyFile: this.key,
      settings: [`mtu: ${mtu}`, "listenPort: 51820"],
      addresses: "10.9.0.2/32",
      more: more,
    });
  }
}

/** What stops the daemon's plan, each begun on a machine in sync; how it is seen to be stopped. */
const OBSTACLES: Readonly<Record<string, (bench: DaemonBench) => Promise<void>>> = {
  "the accepted config cannot be planned, for its key is gone": async (bench) => {
    rmSync(bench.key);
  },
  "a change waits to be confirmed": async (bench) => {
    const rule = "rules: [{ destinations: [198.51.100.7/32], via: direct }]\n";
    await bench.apply(bench.config(1400, rule), 600_000);
  },
  "somebody fights over policy rules": async (bench) => {
    const accepted = await bench.session.accepted();
    const rules = accepted.flatMap((resource) => (resource.kind === "routes" ? resource.spec.rules : []));
    const none = { addRoutes: [], deleteRoutes: [], addRules: [], deleteRules: [] };
    await bench.until("the fight", async () => {
      await bench.parts.host.routes.change({ ...none, deleteRules: rules.slice(0, 1) }).catch(() => {});
      bench.tell({ what: "policy rules" });
      await sleep(300);
      return bench.types.includes("contended");
    });
  },
  "another program has the tunnel's port": async (bench) => {
    bench.holder = "game (process 7)";
    await bench.parts.host.engines.remove("awg-office");
    bench.tell({ what: "devices" });
    await bench.until("the conflict", () => bench.types.includes("stalled"));
  },
};

describe("what reports on the packet filter", () => {
  test("is answered at once and by name; what comes during the look or the pause after it, once they are over", async () => {
    let looks = 0;
    const reported: string[] = [];
    const pauses: (() => void)[] = [];
    const restorePolicy = async () => {
      looks += 1;
      return { wrong: "the packet filter was gone", restored: "yes" } as const;
    };
    const setTimer = (_: number, onDue: () => void): Disposable => {
      pauses.push(onDue);
      return { [Symbol.dispose]: () => {} };
    };
    await using guard = new RulesetWatchdog(
      { restorePolicy },
      { report: (report) => reported.push(renderGuarded(report)), setTimer },
    );
    const note = (what: string, program?: string): void =>
      guard.note({ what, renumbered: false, ...(program === undefined ? {} : { by: { pid: 7, program } }) });
    note("routes", "ip");
    await sleep(5);
    expect(looks).toBe(0);
    note("packet filter", "nft");
    note("packet filter", "iptables");
    await sleep(5);
    expect(reported).toEqual(["the packet filter was gone, by nft (process 7); it is loaded again"]);
    note("the keeper ended");
    await sleep(5);
    expect([looks, pauses.length]).toEqual([1, 1]);
    pauses.shift()?.();
    await sleep(5);
    expect(looks).toBe(2);
    expect(reported.at(-1)).toContain("by iptables (process 7)");
    pauses.shift()?.();
    await sleep(5);
    expect([looks, pauses.length]).toEqual([2, 0]);
    await guard.look();
    expect(reported.at(-1)).toBe("the packet filter was gone; it is loaded again");
  });

  test("looks come one after the other, and the reason of a failure is reported by the loop's alone", async () => {
    const order: string[] = [];
    const restorePolicy = async (): Promise<undefined> => {
      order.push("begins");
      await sleep(10);
      order.push("ends");
      throw new Error("the state cannot be read");
    };
    await using guard = new RulesetWatchdog({ restorePolicy }, { report: () => {}, setTimer });
    guard.note({ what: "packet filter", renumbered: false });
    await expect(guard.look()).rejects.toThrow("cannot be read");
    expect(order).toEqual(["begins", "ends", "begins", "ends"]);
  });
});

describe("law 1: the packet filter is gone, and the daemon can make no plan", () => {
  test.each(Object.entries(OBSTACLES))(
    "%s: what was loaded is loaded again at its next look",
    {
      timeout: 60_000,
    },
    async (_, begin) => {
      const bench = new DaemonBench();
      await bench.apply(bench.config());
      await bench.start(bench.config());
      await begin(bench);
      const stood = await bench.policy();
      if (stood === null) throw new Error("no policy stands");
      const from = bench.reports.length;
      await bench.flush();
      bench.tell({ what: "routes" });
      await bench.until("the policy", async () => (await bench.policy()) !== null);
      expect(await bench.policy()).toEqual(stood);
      const since = bench.reports.slice(from);
      expect(since).toContainEqual({ type: "guarded", wrong: "the packet filter was gone", restored: "yes" });
      expect(since.filter((report) => report.type === "applied" && report.keys.includes("firewall/machine"))).toEqual(
        [],
      );
    },
  );

  test.each([
    ["is not there yet", (bench: DaemonBench) => rmSync(bench.key)],
    ["is open to all", (bench: DaemonBench) => chmodSync(bench.key, 0o666)],
  ])(
    "a daemon that starts after a reboot, when the key %s, puts everything back from the state folder",
    async (_, spoil) => {
      const bench = new DaemonBench();
      await bench.apply(bench.config());
      const stood = await bench.policy();
      await bench.flush();
      spoil(bench);
      await bench.start(bench.config());
      expect(bench.reports.map(({ type }) => type).filter((type) => type !== "woken")).toEqual([
        "guarded",
        "problem",
        "inSync",
      ]);
      expect(await bench.policy()).toEqual(stood);
    },
  );
});
