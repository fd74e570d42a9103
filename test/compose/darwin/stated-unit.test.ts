import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stepsOf } from "../../../src/model/plan.ts";
import { constant } from "../../host/darwin/fake/abi.ts";
import { CONFIG, MacBook } from "./macbook.ts";

/** The tunnel's interface as the config states it. */
function stated(name: string): string {
  const text = CONFIG.replace("\n  home:\n", `\n  home:\n    interface: ${name}\n`);
  if (text === CONFIG) throw new Error("the example has a tunnel called home");
  return text;
}

let mac: MacBook;
beforeEach(() => {
  mac = new MacBook();
});
afterEach(() => mac[Symbol.dispose]());

/** Names of utuns that our routes lead into, and that the rules let something out by. */
function used(): { readonly routes: readonly string[]; readonly rules: readonly string[] } {
  const { machine } = mac.world;
  const ours = machine.routes.filter(({ flags }) => (flags & constant("RTF_PROTO3")) !== 0);
  const names = ours.map(({ interfaceIndex }) => machine.interfaceAt(interfaceIndex)?.name ?? "");
  const rules = inspect([...machine.pf.anchors.values()], { depth: 20 });
  return {
    routes: [...new Set(names.filter((name) => name.startsWith("utun")))],
    rules: [...new Set(rules.match(/\butun\d+/g))],
  };
}

describe("a tunnel with a stated utun (over the doubles)", () => {
  test("has that one, in its routes and in the packet filter; another number is another interface", async () => {
    await mac.apply(await mac.plan(stated("utun9")));
    expect(mac.world.machine.interfaceNamed("utun9")).toBeDefined();
    expect(used()).toEqual({ routes: ["utun9"], rules: ["utun9"] });
    expect(stepsOf((await mac.plan(stated("utun9"))).plan)).toEqual([]);
    await mac.apply(await mac.plan(stated("utun12")));
    expect(mac.world.machine.interfaceNamed("utun9")).toBeUndefined();
    expect(used()).toEqual({ routes: ["utun12"], rules: ["utun12"] });
    // Any number is right where none is stated.
    expect(stepsOf((await mac.plan()).plan)).toEqual([]);
  });

  test("law 6: a number that another program has is a conflict, before anything is changed", async () => {
    mac.world.machine.addInterface("utun9", 1, 0x8051, 1380);
    await expect(mac.plan(stated("utun9"))).rejects.toMatchObject({ kind: "conflict" });
    expect(used()).toEqual({ routes: [], rules: [] });
  });

  test("one that is given up for a number that cannot be had is made again as it was", async () => {
    await mac.apply(await mac.plan(stated("utun9")));
    const planned = await mac.plan(stated("utun12"));
    const { machine } = mac.world;
    const { removeInterface } = machine;
    machine.removeInterface = (name) => {
      removeInterface.call(machine, name);
      if (machine.interfaceNamed("utun12") === undefined) machine.addInterface("utun12", 1, 0x8051, 1380);
    };
    await expect(mac.apply(planned)).rejects.toThrow(
      "making utun12 failed: another program has that interface (EBUSY); set another interface number for the tunnel",
    );
    expect(used()).toEqual({ routes: ["utun9"], rules: ["utun9"] });
    expect(stepsOf((await mac.plan(stated("utun9"))).plan)).toEqual([]);
  });

  test("an interface name that is not a utun is refused with its place", async () => {
    const text = stated("wg0");
    const line = text.split("\n").indexOf("    interface: wg0") + 1;
    await expect(mac.plan(text)).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining(`awg.yaml:${line}:16: tunnels.home.interface: "wg0" is not possible on macOS`),
    });
  });
});
