import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { PEER_KEY, sampleConfig, writePrivateKey } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 20_000;
const TAKEN = 51_820;
const folder = temporaryFolder("held");

test("law 4: a tunnel with a UDP port in use elsewhere is left and named, and all else is repaired", {
  timeout: 60_000,
}, async () => {
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  const parts = simulatedParts({ ...options, stateDir: join(folder, "state") });
  const { links, engines } = parts.host;
  await using session = new TestSession(parts, options);
  const file = join(folder, "a.yaml");
  writePrivateKey(folder);
  const wake = (): void => writeFileSync(file, CONFIG, { mode: 0o600 });
  wake();
  const reports: DaemonReport[] = [];
  const stop = Promise.withResolvers<void>();
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (const endMs = performance.now() + LONGEST_MS; !isSo(); await new Promise((go) => setTimeout(go, 20)))
      if (performance.now() > endMs) throw new Error(`never ${what}: ${JSON.stringify(reports)}`);
  };
  const stalled = (): string | undefined => {
    const last = reports.at(-1);
    return last?.type === "stalled" ? last.reason : undefined;
  };
  const report = (one: DaemonReport): void => void reports.push(one);
  const running = keepHost(session.useCases(), {
    ...options,
    outside: daemonOutside(options),
    files: [file],
    report,
    untilStopped: stop.promise,
  });
  await until("in sync", () => reports.at(-1)?.type === "inSync");

  let holder: string | undefined = "game (process 7)";
  engines.portHolder = async (port) => (port === TAKEN ? holder : undefined);
  await engines.remove("awg-one");
  await engines.remove("awg-two");
  const [mtuBytes] = (await links.read()).filter(({ device }) => device === "awg-one").map((link) => link.mtuBytes);
  const one = (await session.accepted()).find(({ key }) => key === "link/one");
  if (one?.kind !== "link") throw new Error("there is no link/one");
  await links.ensure({ ...one.spec, mtuBytes: one.spec.mtuBytes - 1 });
  const inSyncs = reports.filter(({ type }) => type === "inSync").length;
  wake();
  await until("stalled", () => stalled() !== undefined);
  const reported =
    'tunnel "one": UDP port 51820 is used by game (process 7). Set `listenPort` to another value, or stop it';
  expect(stalled()).toBe(`${reported}; all else is as accepted`);
  expect(reports.filter(({ type }) => type === "inSync")).toHaveLength(inSyncs);
  expect((await engines.readAll()).map(({ device, running: runs }) => [device, runs])).toEqual([["awg-two", true]]);
  expect((await links.read()).find(({ device }) => device === "awg-one")?.mtuBytes).toBe(mtuBytes);
  const { conditions } = await session.status();
  expect(conditions.find(({ type }) => type === "Stalled")).toMatchObject({ status: true, message: reported });

  holder = undefined;
  wake();
  await until("in sync again", () => reports.at(-1)?.type === "inSync");
  expect((await engines.readAll()).map(({ device }) => device).sort()).toEqual(["awg-one", "awg-two"]);
  stop.resolve();
  await running;
});

const CONFIG = sampleConfig(`name: held
tunnels:
${["one", "two"]
  .map(
    (name, index) => `  ${name}:
    protocol: wireguard
    engine: embedded
    interface: awg-${name}
    listenPort: ${TAKEN + index}
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.${index}.2/32]
    peers: [{ publicKey: ${PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [10.8.${index}.0/24] }]
`,
  )
  .join("")}default: { via: direct }
reconcile: { quiet: 50ms, longest: 200ms }
killSwitch: { enabled: true }
`);
