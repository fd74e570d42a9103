import { expect, test } from "vitest";
import type { Host } from "../../src/host/ports/host.ts";
import type { Clause, ContractWorld, Covered } from "./contract-world.ts";
import { checkWitnessed } from "./witness.ts";

/** A world whose one port answers at once; nothing else of it is asked for. */
function small(): ContractWorld {
  const host = {
    name: "simulated",
    sysctl: { read: async () => ({}), write: async () => undefined },
  } as unknown as Host;
  const port = {} as never;
  return {
    host,
    second: () => host,
    asViewer: (use: (host: Host, viewer: never) => Promise<void>) =>
      use(host, { processes: port, networkEvents: port, services: port } as never),
    notifications: { show: async () => undefined, shown: () => [] },
  } as unknown as ContractWorld;
}

const clause = (covers: readonly Covered[], check: Clause["check"]): Clause => ({
  port: "sysctl",
  promise: "of a test",
  covers,
  check,
});

const DONE: Clause["check"] = async ({ host }) => void (await host.sysctl.read([]));
const found: readonly (readonly [string, readonly Covered[], Clause["check"], string])[] = [
  ["a method that was not called", [["sysctl.write", "done"]], DONE, "sysctl.write was never called"],
  ["a refusal without anybody to refuse", [["sysctl.read", "refused"]], DONE, "sysctl.read refused"],
  ["company that was never there", [["sysctl.read", "concurrent"]], DONE, "sysctl.read concurrent"],
  ["two situations in one call", [["sysctl.read", "done", "gone"]], DONE, "2 situations in one call"],
];

test.each(found)("%s is found out", async (_name, covers, check, said) => {
  await expect(checkWitnessed(clause(covers, check), small())).rejects.toThrow(said);
});

test("what was done as it says is believed", async () => {
  const check: Clause["check"] = async (world) => {
    await Promise.all([world.host.sysctl.write({}), world.second().sysctl.write({})]);
    await world.asViewer?.(async (viewer) => void (await viewer.sysctl.read([])));
  };
  const covers: readonly Covered[] = [
    ["sysctl.write", "done", "concurrent"],
    ["sysctl.read", "refused"],
  ];
  await checkWitnessed(clause(covers, check), small());
});
