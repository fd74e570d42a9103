import { expect, test } from "vitest";
import { rememberEngines } from "../../src/daemon/watch/engine-memory.ts";
import type { EnginePort } from "../../src/host/ports/engines.ts";
import type { Host } from "../../src/host/ports/host.ts";
import type { TunnelObserved, TunnelSpec } from "../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../src/model/secret.ts";

const spec = (device: string): TunnelSpec => ({
  device,
  protocol: "wireguard",
  engine: "userspace",
  privateKey: "k" as unknown as SecretId,
  listenPort: 0,
  fwmark: 0,
  obfuscation: {},
  peers: [],
});

/** Engines that write down whom they were asked about. */
class Engines implements EnginePort {
  readonly asked: string[] = [];
  readonly ports = new Map([
    ["a", 1],
    ["b", 1],
  ]);
  refuses = false;
  silent: string | undefined;
  whileAsked = (): void => {};

  readonly read = async (device: string): Promise<TunnelObserved> => {
    this.asked.push(device);
    return { ...spec(device), peers: [], listenPort: this.ports.get(device) ?? 0, running: device !== this.silent };
  };

  readonly readAll = async (known: ReadonlyMap<string, TunnelObserved> = new Map()): Promise<TunnelObserved[]> => {
    const all = await Promise.all([...this.ports.keys()].map(async (device) => known.get(device) ?? this.read(device)));
    this.whileAsked();
    return all;
  };

  readonly ensure = async ({ device, listenPort }: TunnelSpec): Promise<void> => {
    this.ports.set(device, listenPort);
    if (this.refuses) throw new Error("refused");
  };

  readonly remove = async (device: string): Promise<void> => {
    this.ports.delete(device);
  };
}

const opened = () => {
  const engines = new Engines();
  const memory = rememberEngines(engines);
  const ports = async () => (await memory.readAll()).map(({ device, listenPort }) => [device, listenPort]);
  const asked = async () => {
    engines.asked.length = 0;
    await memory.readAll();
    return [...engines.asked];
  };
  return { engines, memory, ports, asked };
};

test("an engine is asked once, and again when something that concerns it happened", async () => {
  const { engines, memory, ports, asked } = opened();
  expect(await asked()).toEqual(["a", "b"]);
  expect(memory.isRemembered).toBe(false);
  expect(await asked()).toEqual([]);
  expect(memory.isRemembered).toBe(true);
  engines.ports.set("a", 2);
  memory.forget([]);
  expect(await ports()).toEqual([
    ["a", 1],
    ["b", 1],
  ]);
  memory.forget(["a", "c"]);
  expect(await ports()).toEqual([
    ["a", 2],
    ["b", 1],
  ]);
  expect(engines.asked).toEqual(["a"]);
  memory.forget();
  expect(await asked()).toEqual(["a", "b"]);
  expect(memory.isRemembered).toBe(false);
});

test("what awg sets or ends itself is asked again, though it fails", async () => {
  const { engines, memory, ports, asked } = opened();
  await asked();
  await memory.ensure({ ...spec("b"), listenPort: 3 });
  expect(await ports()).toEqual([
    ["a", 1],
    ["b", 3],
  ]);
  await memory.remove("a");
  expect(await ports()).toEqual([["b", 3]]);
  engines.refuses = true;
  await expect(memory.ensure({ ...spec("b"), listenPort: 4 })).rejects.toThrow("refused");
  expect(await ports()).toEqual([["b", 4]]);
});

test("one that did not answer, and one that something happened to while it was asked, are asked again", async () => {
  const { engines, memory, asked } = opened();
  engines.silent = "b";
  await asked();
  expect(await asked()).toEqual(["b"]);
  engines.silent = undefined;
  engines.whileAsked = () => memory.forget(["a"]);
  memory.forget();
  await asked();
  engines.whileAsked = () => {};
  expect(await asked()).toEqual(["a", "b"]);
});

test("a look at the machine asks the look's own engines, and only those that are not remembered", async () => {
  const { engines, memory, asked } = opened();
  const seen = new Engines();
  const host = memory.over({
    name: "linux",
    engines,
    snapshot: () => ({ name: "linux", engines: seen }),
  } as unknown as Host);
  expect((await host.snapshot?.().engines.readAll())?.map(({ device }) => device)).toEqual(["a", "b"]);
  expect([seen.asked, engines.asked]).toEqual([["a", "b"], []]);
  expect(await asked()).toEqual([]);
  memory.forget(["b"]);
  await host.snapshot?.().engines.readAll();
  expect([seen.asked, engines.asked]).toEqual([["a", "b", "b"], []]);
  await host.snapshot?.().engines.ensure({ ...spec("a"), listenPort: 5 });
  expect(engines.ports.get("a")).toBe(5);
  expect(await asked()).toEqual(["a"]);
});
