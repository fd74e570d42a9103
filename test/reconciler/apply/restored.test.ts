import { expect, test } from "vitest";
import { simulatedHost } from "../../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { laptopState, simulatedLink } from "../../../src/host/simulated/machine-state.ts";
import { LINK_ALIAS_PREFIX } from "../../../src/model/ownership.ts";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import { unrestored } from "../../../src/reconciler/apply/restored.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";

const HOME: LinkSpec = { device: "awg-home", type: "tun", addresses: ["10.9.0.2/32"], mtuBytes: 1420, tunnel: "home" };

/** What a rollback would still do about a device that the transaction removed, or kept. */
async function repairs(after: LinkSpec | null, up: boolean): Promise<string[]> {
  const state = laptopState();
  const link = simulatedLink({ ...HOME, index: 9, medium: "tunnel", addresses: [...HOME.addresses] });
  state.links.push({ ...link, type: "tun", alias: `${LINK_ALIAS_PREFIX}home`, held: true, up });
  const deps = { host: simulatedHost(new SimulatedMachine(state)), registry: driverRegistry };
  const steps = await unrestored(deps, [{ kind: "link", key: "link/home", before: HOME, after }]);
  return steps.map(({ action, key }) => `${action} ${key}`);
}

test("law 5, B8: what a rollback made again is held to all that its driver compares, not to its spec alone", async () => {
  expect(await repairs(null, false)).toEqual(["update link/home"]);
  expect(await repairs(null, true)).toEqual([]);
});

test("a device that existed all the time is as down as it was", async () => {
  expect(await repairs(HOME, false)).toEqual([]);
});
