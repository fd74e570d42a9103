import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import type { HostParts } from "../../src/app/parts.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import type { FirewallPolicy } from "../../src/model/firewall/policy.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 20_000;
const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
const hooks = { onEvent: () => {}, shouldStop: () => undefined };
let folder = "";
beforeEach(() => {
  folder = temporaryFolder("cut-short");
});

describe("law 1, A3: a first apply was interrupted behind its packet filter", () => {
  test("a daemon goes on with its file, another one than that", async () => {
    const bench = await cutShort();
    const reported = await bench.runDaemon(configText(2000), "inSync");
    expect(reported).not.toContain("stalled");
    expect(bench.loads).not.toContain(null);
    expect((await bench.session.acceptedGeneration())?.number).toBe(1);
    expect((await bench.session.status()).openJournal).toBeUndefined();
  });

  test("a daemon without a file that can be carried out opens nothing and says what can be done; an apply by hand goes on", async () => {
    const bench = await cutShort();
    const reported = await bench.runDaemon("nonsense: [", "stalled");
    expect(reported).toContainEqual(expect.stringContaining("a first apply was interrupted; its packet filter stays"));
    expect((await bench.parts.host.firewall.read()).policy).not.toBeNull();
    expect((await bench.apply(configText(1000))).generation).toBe(1);
    expect(bench.loads).not.toContain(null);
  });

  test("an apply that is refused opens nothing either; awg revert does", async () => {
    const bench = await cutShort();
    Object.assign(bench.parts.host.resolver, { obstacle: () => ({ what: "somebody else writes it", remedy: "ask" }) });
    const withDns = `${configText(1000)}dns: { servers: [192.0.2.53], via: direct }\n`;
    await expect(bench.apply(withDns)).rejects.toMatchObject({ kind: "conflict" });
    expect(bench.loads).not.toContain(null);
    expect(await bench.session.revert({ onlyIfDue: false })).toEqual({ generation: 0 });
    expect((await bench.parts.host.firewall.read()).policy).toBeNull();
    expect((await bench.session.status()).openJournal).toBeUndefined();
  });
});

/** A machine whose first apply died after its packet filter was loaded; what is loaded from then on is written down. */
async function cutShort() {
  const simulated = simulatedParts({ ...options, stateDir: join(folder, "state") });
  const loads: (FirewallPolicy | null)[] = [];
  let appendsLeft = 3;
  const alive = () => {
    if (appendsLeft < 0) throw new Error("dead");
  };
  const { firewall } = simulated.host;
  const { journal } = simulated.stores;
  const parts: HostParts = {
    ...simulated,
    clock: { ...simulated.clock, sleep: async () => undefined },
    host: {
      ...simulated.host,
      firewall: {
        ...firewall,
        load: async (policy) => {
          alive();
          loads.push(policy);
          await firewall.load(policy);
        },
      },
    },
    stores: {
      ...simulated.stores,
      journal: {
        location: journal.location,
        read: async () => {
          alive();
          return await journal.read();
        },
        append: async (record) => {
          appendsLeft -= 1;
          alive();
          await journal.append(record);
        },
        clear: () => journal.clear(),
      },
    },
  };
  const session = new TestSession(parts, options);
  const apply = async (text: string) =>
    await session.apply(await session.plan(await session.load([{ name: "a.yaml", text, mode: 0o600 }])), hooks);
  await expect(apply(configText(1000))).rejects.toThrow();
  appendsLeft = Number.POSITIVE_INFINITY;
  expect(loads).toHaveLength(1);
  loads.length = 0;
  return {
    parts,
    session,
    loads,
    apply,
    /** A daemon's life until it tells that; gives the types and reasons of what it told. */
    async runDaemon(text: string, until: DaemonReport["type"]): Promise<readonly string[]> {
      const file = join(folder, "daemon.yaml");
      writeFileSync(file, text, { mode: 0o600 });
      const stop = Promise.withResolvers<void>();
      const reported: string[] = [];
      const report = (one: DaemonReport) => {
        reported.push(one.type, ...("reason" in one ? [one.reason] : []));
      };
      const running = keepHost(session.useCases(), {
        ...options,
        outside: daemonOutside(options),
        files: [file],
        report,
        untilStopped: stop.promise,
      });
      for (const endMs = performance.now() + LONGEST_MS; !reported.includes(until); await sleep(20))
        if (performance.now() > endMs) throw new Error(`it never tells ${until}: ${reported.join("; ")}`);
      stop.resolve();
      await running;
      return reported;
    },
  };
}

function configText(port: number): string {
  return sampleConfig(`default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${port}] }] }
`);
}
