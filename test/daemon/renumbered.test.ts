import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import type { NetworkEvent } from "../../src/host/ports/network-events.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 20_000;
const folder = temporaryFolder("renumbered");

// What an engine does with refreshed endpoints: test/contract/clauses/adoption.contract.ts. That a new address is such an event:
// test/host/linux/network-events.test.ts.
test("A13: each engine is nudged when the machine's addresses changed, and not for any other event", async () => {
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  const file = join(folder, "a.yaml");
  const key = join(folder, "key");
  writeFileSync(key, `${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
  writeFileSync(file, config(key), { mode: 0o600 });
  const parts = simulatedParts({ ...options, stateDir: join(folder, "state") });
  const refreshed: string[] = [];
  let tell = (_event: NetworkEvent): void => {};
  const engines = { ...parts.host.engines, refreshEndpoints: async (device: string) => void refreshed.push(device) };
  const events = {
    watch: (onEvent: typeof tell) => {
      tell = onEvent;
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const session = new TestSession({ ...parts, host: { ...parts.host, engines }, events }, options);
  const reports: DaemonReport[] = [];
  const stop = Promise.withResolvers<void>();
  const report = (one: DaemonReport) => void reports.push(one);
  const running = keepHost(session.useCases(), {
    ...options,
    outside: daemonOutside(options),
    files: [file],
    report,
    untilStopped: stop.promise,
  });
  const looks = (): number => reports.filter(({ type }) => type === "inSync").length;
  try {
    await until("its first look", () => looks() > 0);
    const before = looks();
    tell({ what: "devices", renumbered: false });
    await until("another look", () => looks() > before);
    expect(refreshed).toEqual([]);
    tell({ what: "addresses", renumbered: true });
    await until("the refreshes", () => refreshed.length > 1);
    expect(refreshed.toSorted()).toEqual(["awg-home", "awg-office"]);
  } finally {
    stop.resolve();
    await running;
  }
});

async function until(what: string, isSo: () => boolean): Promise<void> {
  const endMs = performance.now() + LONGEST_MS;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`${what} did not come`);
    await sleep(20);
  }
}

function config(key: string): string {
  const tunnel = (name: string, address: string, server: string, allowed: string): string => `  ${name}:
    protocol: wireguard
    privateKey: { file: ${key} }
    addresses: [${address}/32]
    peers:
      - publicKey: ${SECOND_PEER_KEY}
        endpoint: ${server}:51820
        allowedIPs: [${allowed}]
`;
  return sampleConfig(`tunnels:
${tunnel("office", "10.9.0.2", "203.0.113.9", "0.0.0.0/0")}${tunnel("home", "10.9.1.2", "203.0.113.10", "10.9.1.0/24")}default: { via: office, fallback: block }
killSwitch: { enabled: true }
`);
}
