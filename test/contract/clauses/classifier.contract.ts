import assert from "node:assert/strict";
import type { ClassifierPort } from "../../../src/host/ports/kernel/classifier.ts";
import type { ClassifierSpec } from "../../../src/model/program/classifier.ts";
import { answersOrRefuses, type Clause, type ContractWorld, refuses } from "../contract-world.ts";

const SPEC: ClassifierSpec = {
  atoms: [{ name: "awg-no-such-program", of: "self-or-ancestor" }, { users: [[1000, 1999]] }],
  conditions: [{ all: [{ atom: 0 }, { not: { atom: 1 } }] }],
  final: [0],
  classes: [
    { number: 1, conditions: [0] },
    { number: 2, conditions: [] },
  ],
};
const OTHER: ClassifierSpec = { ...SPEC, final: [] };
const LOADED = { spec: SPEC, missing: [], replaced: [] };
const NONE = { darwin: "macOS has no classes of sockets" } as const;

/** What every host with a classifier of sockets promises. */
export const CLASSIFIER_CONTRACT: readonly Clause[] = [
  {
    port: "classifier",
    promise:
      "what is loaded is read back whole, a detached hook is named and attached again, and removal leaves nothing",
    covers: [
      ["classifier.read", "done", "gone"],
      ["classifier.load", "done", "already so", "gone", "partial"],
    ],
    notOn: NONE,
    async check(world) {
      await withClassifier(world, async (classifier) => {
        assert.equal(await classifier.read(), undefined);
        await classifier.load(SPEC);
        assert.deepEqual(await classifier.read(), LOADED);
        await classifier.load(SPEC);
        assert.deepEqual(await classifier.read(), LOADED);
        await classifier.load(OTHER);
        assert.deepEqual((await classifier.read())?.spec, OTHER);
        world.others.detachClassifier("connect6");
        assert.deepEqual(await classifier.read(), { ...LOADED, spec: OTHER, missing: ["connect6"] });
        await classifier.load(SPEC);
        assert.deepEqual(await classifier.read(), LOADED);
        await classifier.load(null);
        assert.equal(await classifier.read(), undefined);
        await classifier.load(null);
      });
    },
  },
  {
    port: "classifier",
    promise: "two processes at once end with one classifier, or with none",
    covers: [
      ["classifier.read", "concurrent"],
      ["classifier.load", "concurrent"],
    ],
    notOn: NONE,
    async check(world) {
      await withClassifier(world, async (one) => {
        const two = portOf(world.second());
        await Promise.all([one.load(SPEC), two.load(SPEC), one.read(), two.read()]);
        assert.deepEqual(await one.read(), LOADED);
        await Promise.all([one.load(null), two.load(null)]);
        assert.equal(await two.read(), undefined);
      });
    },
  },
  {
    port: "classifier",
    promise: "without root sockets keep their classifier",
    covers: [
      ["classifier.read", "refused"],
      ["classifier.load", "refused"],
    ],
    notOn: NONE,
    async check(world) {
      await withClassifier(world, async (classifier) => {
        await classifier.load(SPEC);
        await world.asViewer?.(async (viewer) => {
          await answersOrRefuses(() => portOf(viewer).read());
          await refuses("permission", () => portOf(viewer).load(OTHER));
          await refuses("permission", () => portOf(viewer).load(null));
        });
        assert.deepEqual(await classifier.read(), LOADED);
      });
    },
  },
];

/** Pins outlive a namespace. Where the kernel has no classifier, the host says so and refuses. */
async function withClassifier(world: ContractWorld, use: (port: ClassifierPort) => Promise<void>): Promise<void> {
  const port = portOf(world.host);
  const { capabilities } = await world.host.facts.read({ users: [], hosts: [] });
  if (capabilities.classifier?.ok !== true) return assert.rejects(() => port.load(SPEC));
  try {
    await use(port);
  } finally {
    await port.load(null);
  }
}

function portOf({ classifier }: ContractWorld["host"]): ClassifierPort {
  assert.ok(classifier, "this host has no classifier of sockets");
  return classifier;
}
