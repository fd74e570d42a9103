import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { DEVICES_OF_A_CHAIN } from "../../../../../src/host/linux/nft/render/chains/spread-devices.ts";
import type { FirewallObserved } from "../../../../../src/model/firewall/policy.ts";
import { LAPTOP } from "../../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft");
const SCRIPT = "test/host/linux/nft/load-policy.script.ts";
const MANY = 2 * DEVICES_OF_A_CHAIN + 10;

type Answer = FirewallObserved & { readonly statuses: readonly (number | null)[]; readonly error?: string };

describe.skipIf(obstacle !== undefined)(`S9.1: a machine with many devices (${obstacle ?? MANY})`, () => {
  let space: TestNamespace;
  let folder: string;

  beforeEach(() => {
    folder = temporaryFolder("many-devices");
    space = makeNamespace("many");
  });

  afterEach(() => {
    space[Symbol.dispose]();
  });

  const nameOf = (number: number) => `many${number}`;
  const inBatch = (lines: readonly string[]): string[] => {
    const file = join(folder, "batch");
    writeFileSync(file, `${lines.join("\n")}\n`);
    return ["ip", "-batch", file];
  };
  const numbers = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index);
  /** Devices come and go in pairs. */
  const pairs = (from: number, to: number) => numbers(from, to).filter((number) => number % 2 === 0);
  const add = (from: number, to: number) =>
    space.run(inBatch(pairs(from, to).map((one) => `link add ${nameOf(one)} type veth peer name ${nameOf(one + 1)}`)));
  const remove = (from: number, to: number) =>
    space.run(inBatch(pairs(from, to).map((one) => `link delete ${nameOf(one)}`)));
  const run = (request: object) => space.runScript(SCRIPT, { runDir: folder, ...request }) as Answer;

  /** How often each device stands in the base chains of this hook that are copies of the named one. */
  function judged(hook: string, name: string): ReadonlyMap<string, number> {
    const listed = space.run(["nft", "list", "table", "netdev", "awg"]).stdout;
    const base = new RegExp(
      `chain ${name}(?:-[0-9]+)? \\{[^}]*?hook ${hook} devices? = \\{? ?([^}]*?) ?\\}? priority`,
      "g",
    );
    const counts = new Map<string, number>();
    for (const [, devices = ""] of listed.matchAll(base)) {
      for (const device of devices.replaceAll('"', "").split(/, */)) counts.set(device, (counts.get(device) ?? 0) + 1);
    }
    return counts;
  }

  test("each is judged once, and what is loaded is unchanged, also when some have gone", () => {
    add(0, MANY);
    const loaded = run({ policy: LAPTOP });
    expect(loaded.error).toBeUndefined();
    expect(loaded).toMatchObject({ policy: LAPTOP, damage: [], held: true });
    const all = new Map(numbers(0, MANY).map((number) => [nameOf(number), 1]));
    expect(new Map([...judged("egress", "frames")].toSorted())).toEqual(new Map([...all].toSorted()));
    remove(0, 20);
    expect(run({})).toMatchObject({ policy: LAPTOP, damage: [] });
    add(MANY, MANY + 2);
    const added = [nameOf(MANY), nameOf(MANY + 1)];
    expect(run({}).damage).toEqual(
      added.map((device) => `frames that leave by the device ${device} are not judged yet`),
    );
    expect(run({ policy: LAPTOP })).toMatchObject({ policy: LAPTOP, damage: [] });
    remove(20, MANY);
    expect(run({ policy: LAPTOP })).toMatchObject({ policy: LAPTOP, damage: [] });
    expect([...judged("egress", "frames")]).toEqual(added.map((device) => [device, 1]));
  });

  test("a device that another program took off the chain is damage, and put back", () => {
    add(0, 2);
    expect(run({ policy: LAPTOP })).toMatchObject({ damage: [] });
    space.runScript("test/host/linux/nft/devices/taken-off.script.ts", { chain: "frames", device: "many0" });
    expect(run({}).damage).toEqual(["frames that leave by the device many0 are not judged yet"]);
    expect(run({ policy: LAPTOP })).toMatchObject({ policy: LAPTOP, damage: [] });
  });
});
