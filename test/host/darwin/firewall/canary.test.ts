import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PF_ANCHOR } from "../../../../src/host/darwin/pf/render-pf.ts";
import { CANARIES, DISREGARDED, DISREGARDED_REMEDY } from "../../../../src/model/firewall/canary.ts";
import { renderIp } from "../../../../src/model/ip.ts";
import { type Bend, DarwinWorld } from "../../../contract/darwin-world.ts";
import { LAPTOP, policyOf } from "../../../model/firewall/policies.ts";
import { addressOf, prefixOf, ROUTE_FLAG } from "../fake/machine.ts";
import { parsePf } from "../pf/parse-pf.ts";

const OTHER = policyOf({ killSwitch: false });
const AWAY = policyOf({ ...LAPTOP.layers[0], allowLan: false });

/** Runs before each of pfctl's commands. */
let beforeRun: (words: string) => void;
let world: DarwinWorld;

const bend: Bend = {
  run: (real) => async (command) => {
    beforeRun([command.path, ...command.args].join(" "));
    return real(command);
  },
};
const firewall = () => world.contract().host.firewall;
const damage = async () => (await firewall().read()).damage;
/** Where what left by a physical interface went, each once. */
const seenOutside = () => [...new Set(world.machine.wire.map(({ destination }) => renderIp(destination)))].toSorted();
const canariesSent = () => world.borders.system.log.counts.get("write dgram") ?? 0;

/** Wi-Fi has both families. */
function giveIpv6(): void {
  const wifi = world.machine.interfaceNamed("en0");
  if (wifi === undefined) throw new Error("no Wi-Fi");
  world.machine.addAddress(wifi, { prefix: prefixOf("2001:db8:1::20/64"), peer: undefined });
  const flags = ROUTE_FLAG.up | ROUTE_FLAG.gateway | ROUTE_FLAG.static;
  const gateway = addressOf("fe80::1");
  world.machine.routes.push({ flags, gateway, interfaceIndex: wifi.index, mtu: 0, prefix: prefixOf("::/0"), scope: 0 });
}

beforeEach(() => {
  beforeRun = () => undefined;
  world = new DarwinWorld(bend);
});
afterEach(() => world[Symbol.dispose]());

describe("H4: PF that is on, holds the rules and does not act by them", () => {
  test("where it acts nothing is reported, and no canary leaves, over either family", async () => {
    giveIpv6();
    await firewall().load(LAPTOP);
    expect(await damage()).toEqual([]);
    expect([canariesSent(), world.machine.wire]).toEqual([4, []]);
    expect(world.borders.system.openDescriptors).toEqual([]);
  });

  test("S13.15: awg's own canaries are not reported as packets that were dropped", async () => {
    await firewall().load(LAPTOP);
    expect((await firewall().read()).droppedPackets).toBe(0);
  });

  test("a first policy is refused: a promise that is not kept is not made; the remedy is said", async () => {
    world.machine.pf.isDisregarded = true;
    await expect(firewall().load(LAPTOP)).rejects.toMatchObject({
      kind: "verification",
      message: `PF took the firewall policy and does not enforce it: ${DISREGARDED}`,
      remedy: DISREGARDED_REMEDY,
    });
  });

  test("a loaded policy is damaged as long as it does not act, and only canaries were sent to see it", async () => {
    giveIpv6();
    await firewall().load(LAPTOP);
    world.machine.pf.isDisregarded = true;
    expect(await damage()).toEqual([DISREGARDED]);
    expect(seenOutside()).toEqual(CANARIES.map(({ address }) => address).toSorted());
    world.machine.pf.isDisregarded = false;
    expect(await damage()).toEqual([]);
  });

  test("a canary that leaks goes one hop and says nothing", async () => {
    await firewall().load(LAPTOP);
    const { counts } = world.borders.system.log;
    expect(counts.get("setsockopt IP_TTL")).toBe(canariesSent());
    expect(world.machine.wire).toEqual([]);
  });

  const unknown: readonly (readonly [string, () => void])[] = [
    ["without a way out", () => world.machine.routes.splice(0)],
    ["behind a network extension that filters content", () => (world.machine.contentFilters = 1)],
    [
      "behind a rule of another program that stops everything",
      () => {
        const { rules, tables } = parsePf("block drop out quick all\n");
        world.machine.pf.anchors.set("com.apple/000.another", { rules, tables });
      },
    ],
    [
      "while others load our anchor anew",
      () => {
        let isDue = true;
        beforeRun = (words) => {
          if (!words.endsWith(`-a ${PF_ANCHOR} -v -s rules`)) return;
          if (isDue)
            for (const rule of world.machine.pf.anchors.get(PF_ANCHOR)?.rules ?? [])
              world.machine.pf.matched.delete(rule);
          isDue = !isDue;
        };
      },
    ],
  ];

  test.each(unknown)("nothing is reported where it cannot be known: %s", async (_name, change) => {
    await firewall().load(LAPTOP);
    await damage();
    change();
    expect(await damage()).toEqual([]);
  });

  test("without the kill switch nothing is sent", async () => {
    await firewall().load(OTHER);
    expect(await damage()).toEqual([]);
    expect(canariesSent()).toBe(0);
  });
});

describe("S13.13: Apple's own services past the tunnel", () => {
  const toApple = {
    direction: "out",
    device: "en0",
    source: addressOf("192.168.1.20"),
    destination: addressOf("17.253.144.10"),
    protocol: 6,
    sourcePort: 50_000,
    destinationPort: 443,
    isLaterFragment: false,
    isOpening: true,
    uid: 501,
  } as const;

  test("those that only take the physical interface are stopped by PF; those that PF is not asked about leave", async () => {
    await firewall().load(AWAY);
    const { machine } = world;
    expect(machine.emit(toApple, "apsd")).toBe("stopped");
    machine.exempt.add("apsd");
    expect(machine.emit(toApple, "apsd")).toBe("left");
    // No packet of awg's own can tell: it is stopped as before.
    expect(await damage()).toEqual([]);
  });

  test("where PF disregards its rules both leave, which is reported", async () => {
    await firewall().load(AWAY);
    world.machine.pf.isDisregarded = true;
    expect(world.machine.emit(toApple, "apsd")).toBe("left");
    expect(await damage()).toEqual([DISREGARDED]);
  });
});
