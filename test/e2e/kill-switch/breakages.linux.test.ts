import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { newKeyPair, startServer } from "../../lab/world/wireguard.ts";
import { World } from "../../lab/world/world.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { type Breakage, HELD, OPEN, PLANTED, UNGUARDED, WRECKS } from "./breakages.ts";
import { expectFound, plant, verify } from "./broken-policy.ts";

const reason = whyNoLab();
const ASK = `import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"?", ("${place.v4.router}", 53))`;

describe.skipIf(reason !== undefined)(`awg verify${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  const program = useBuiltProgram();
  let world: World;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(async () => {
    await world?.[Symbol.asyncDispose]();
  });

  test("S11.1: a first apply cuts what an earlier policy let into a tunnel of the same address", async () => {
    const keys = await newKeyPair();
    const server = await startServer(world, "second", keys);
    await using awg = new AwgInWorld(world, keys, program());
    const { tunnel4 } = place.secondServer;
    const left = ["-s", tunnel4.replace(/1$/, "2"), "-d", "239.255.255.250", "-p", "igmp", "--timeout", "600"];
    await world.inside("client", ["conntrack", "-I", ...left]);
    await awg.apply(awg.config({ server, allowLan: true, engine: "embedded" }));
    expect(await world.inside("client", ["conntrack", "-L"])).not.toContain("239.255.255.250");
    expect((await verify(awg)).findings.join("\n")).not.toContain("239.255.255.250");
  });

  test("law 1: names each of twelve breakages by its kind", async () => {
    const keys = await newKeyPair();
    const server = await startServer(world, "first", keys);
    await using awg = new AwgInWorld(world, keys, program());
    await awg.apply(awg.config({ server, allowLan: true, engine: "embedded" }));
    const { findings } = await verify(awg);
    expect(findings.filter((finding) => !finding.includes('"kind":"open-flow"'))).toEqual([]);
    // Orphaned tables can be edited by anybody.
    for (const { pid, command } of await awg.processes()) if (/ keeper /.test(command)) process.kill(pid, "SIGKILL");
    // The kernel lets go of the owner only when the dead process's socket is closed.
    const close = await waitFor("tables that nobody owns", () => plant(world, OPEN).catch(() => undefined));
    await world.inside("client", ["python3", "-c", ASK]);
    await close();
    for (const breakage of [HELD, ...PLANTED]) {
      const takeOut = await plant(world, breakage.planted);
      expectFound(breakage, await verify(awg));
      await takeOut();
    }
    const wreck = async (breakage: Breakage): Promise<void> => {
      for (const command of breakage.commands ?? [])
        await world.inside("client", ["sh", "-c", command.replace("DEVICE", awg.device)]);
      expectFound(breakage, await verify(awg));
    };
    for (const breakage of WRECKS) await wreck(breakage);
    await awg.apply(awg.config({ server, killSwitch: false, engine: "embedded" }));
    await wreck(UNGUARDED);
    expect(1 + PLANTED.length + WRECKS.length + 1).toBe(12);
  });
});
