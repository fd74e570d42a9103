import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { HostOptions } from "../../../src/app/host-options.ts";
import type { HostParts } from "../../../src/app/parts.ts";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { simulatedParts } from "../../../src/compose/simulated-parts.ts";
import { stepsOf } from "../../../src/model/plan.ts";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import { fileStores } from "../../../src/state/file-stores.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { TestSession } from "../../support/test-session.ts";

/** A session whose machine stands as configured, but for the device's MTU, and which counts how often devices are read. */
async function drifted() {
  const folder = temporaryFolder("fresh");
  writeFileSync(join(folder, "key"), `${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
  const text = sampleConfig(`tunnels:
  office:
    protocol: wireguard
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.9.0.2/32]
    peers: [{ publicKey: ${SECOND_PEER_KEY}, endpoint: "192.0.2.1:51820", allowedIPs: [10.20.0.0/16] }]
default: { via: direct }
`);
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  const stateDir = join(folder, "state");
  const parts = simulatedParts({ ...options, stateDir });
  const { links } = parts.host;
  let looks = 0;
  const read = async () => {
    looks += 1;
    return links.read();
  };
  const counted: HostParts = { ...parts, host: { ...parts.host, links: { ...links, read } } };
  const session = new TestSession(counted, options);
  const apply = (planned: Planned) => session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
  await apply(await session.plan(await session.load([{ name: "awg.yaml", text, mode: 0o600 }])));
  const link = (await session.accepted()).find(({ kind }) => kind === "link")?.spec as LinkSpec;
  await links.ensure({ ...link, mtuBytes: 1300 });
  const standing = async () => (await links.read()).find(({ device }) => device === link.device)?.mtuBytes;
  return { session, parts, stateDir, apply, looks: () => looks, standing, wanted: link.mtuBytes };
}

test("law 4: a daemon's repair is carried out as planned and read back: two looks at the machine", async () => {
  const { session, apply, looks, standing, wanted } = await drifted();
  const before = looks();
  await apply({ ...(await session.planAccepted()), repairs: 1 });
  expect(await standing()).toBe(wanted);
  expect(looks() - before).toBe(2);
});

test("law 5: where another awg has written since the repair was planned, it is planned again under the lock", async () => {
  const { session, parts, stateDir, apply, looks, standing, wanted } = await drifted();
  const before = looks();
  const planned: Planned = { ...(await session.planAccepted()), repairs: 1 };
  const another = fileStores(stateDir, { bootId: "another", namespace: "simulated" });
  await another.ledger.write(await parts.stores.ledger.read());
  await apply(planned);
  expect(await standing()).toBe(wanted);
  expect(looks() - before).toBe(3);
});

test("law 5: what a person was asked about is planned again under the lock", async () => {
  const { session, apply, looks } = await drifted();
  const before = looks();
  const planned = await session.planAccepted();
  expect(stepsOf(planned.plan).map(({ key }) => key)).toEqual(["link/office"]);
  await apply(planned);
  expect(looks() - before).toBe(3);
});
