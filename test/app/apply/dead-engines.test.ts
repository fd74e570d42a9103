import { expect, test } from "vitest";
import { devicesNamed } from "../../../src/app/apply/dead-engines.ts";
import type { DesiredState } from "../../../src/model/resources/desired-state.ts";
import type { Generation } from "../../../src/reconciler/journal/generation.ts";
import { memoryDisk, memoryStores } from "../../support/memory-stores.ts";

const tunnel = (device: string) => ({ kind: "tunnel", key: `tunnel/${device}`, spec: { device } });
const stateOf = (...devices: readonly string[]) => ({ resources: devices.map(tunnel) }) as unknown as DesiredState;
const generation = (number: number, ...devices: readonly string[]): Generation => {
  const desired = stateOf(...devices);
  return { number, configHash: "", acceptedMs: 0, desired, pathNumbers: {}, secretIds: [] };
};

test("law 6: before a destroy engines are looked for of every state there was, and of the one that was begun", async () => {
  const disk = memoryDisk();
  disk.generations.push(generation(1, "awg-a", "awg-b"), generation(2, "awg-b", "awg-c"), generation(3));
  const stores = memoryStores(disk);
  await stores.journal.append({ type: "begin", verb: "apply", configHash: "", generation: 4, startedMs: 0 });
  const step = { kind: "tunnel", key: "tunnel/awg-d", action: "create", before: null, after: { device: "awg-d" } };
  const batch = { group: "prepare", kind: "tunnel", steps: [step] } as never;
  await stores.journal.append({ type: "batch", index: 0, batch } as never);
  expect(await devicesNamed(stores, "apply")).toEqual([]);
  expect(await devicesNamed(stores, "destroy")).toEqual(["awg-a", "awg-b", "awg-c", "awg-d"]);
  const unreadable = { ...stores.generations, read: () => Promise.reject(new Error("corrupt")) };
  expect(await devicesNamed({ ...stores, generations: unreadable }, "destroy")).toEqual(["awg-d"]);
});
