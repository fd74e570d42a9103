import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { rememberEngines } from "../../src/daemon/watch/engine-memory.ts";
import type { NetworkEvent } from "../../src/host/ports/network-events.ts";
import { PEER_KEY, sampleConfig, writePrivateKey } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 20_000;
const folder = temporaryFolder("remembered");

test("B6: engines that another awg has set since they were asked are not set back by an event of another sort", {
  timeout: 60_000,
}, async () => {
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  const parts = simulatedParts({ ...options, stateDir: join(folder, "state") });
  const engines = rememberEngines(parts.host.engines);
  let tell = (_event: NetworkEvent): void => {};
  const events = {
    watch(onEvent: typeof tell) {
      tell = onEvent;
      return { [Symbol.asyncDispose]: async () => {} };
    },
  };
  const daemonParts = { ...parts, events, host: { ...parts.host, engines } };
  await using session = new TestSession(daemonParts, options);
  await using rival = new TestSession(parts, options);
  const file = join(folder, "a.yaml");
  writePrivateKey(folder);
  writeFileSync(file, configText("192.0.2.1"), { mode: 0o600 });
  const reports: DaemonReport[] = [];
  const stop = Promise.withResolvers<void>();
  const running = keepHost(
    session.useCases(),
    {
      ...options,
      outside: daemonOutside(options),
      files: [file],
      report: (one) => void reports.push(one),
      untilStopped: stop.promise,
    },
    engines,
  );
  const settled = async (from: number): Promise<void> => {
    const isSettled = (): boolean => {
      const types = reports.slice(from).map(({ type }) => type);
      return types.includes("woken") && types.lastIndexOf("inSync") > types.lastIndexOf("woken");
    };
    for (const endMs = performance.now() + LONGEST_MS; !isSettled(); await new Promise((go) => setTimeout(go, 10)))
      if (performance.now() > endMs) throw new Error(`the daemon does not rest: ${JSON.stringify(reports)}`);
  };
  await settled(0);

  const planned = await rival.plan(await rival.load([{ name: "b.yaml", text: configText("192.0.2.2"), mode: 0o600 }]));
  await rival.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
  const from = reports.length;
  tell({ what: "routes", renumbered: false, devices: [] });
  await settled(from);
  expect(reports.slice(from).map(({ type }) => type)).not.toContain("applying");

  // What somebody sets behind awg's back is found at an event of its device.
  const [standing] = (await session.accepted()).filter(({ kind }) => kind === "tunnel");
  if (standing?.kind !== "tunnel") throw new Error("there is no tunnel");
  await parts.host.engines.ensure({ ...standing.spec, listenPort: 7_000 });
  const again = reports.length;
  tell({ what: "devices", renumbered: false, devices: [standing.spec.device] });
  await settled(again);
  expect(reports.slice(again)).toContainEqual({ type: "applied", keys: [standing.key] });
  stop.resolve();
  await running;
});

const configText = (endpoint: string): string =>
  sampleConfig(`tunnels:
  home:
    protocol: wireguard
    engine: embedded
    listenPort: 51820
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${PEER_KEY}, endpoint: "${endpoint}:51820", allowedIPs: [10.8.0.0/24] }]
default: { via: direct }
reconcile: { quiet: 50ms, longest: 200ms }
`);
