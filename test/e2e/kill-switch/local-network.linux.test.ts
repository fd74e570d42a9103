import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tryRun, waitFor } from "../../lab/world/command.ts";
import { place } from "../../lab/world/place.ts";
import { whyNoLab } from "../../lab/world/why-no-lab.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { AwgInWorld } from "../awg-in-world.ts";
import { useJudgedWorld } from "../judged-world.ts";

// S4.6 on a real kernel: `allowLan` opens the local link. Private addresses behind the router go into the tunnel.

const reason = whyNoLab();
const title = `the local network${reason === undefined ? "" : ` (skipped: ${reason})`}`;

/** Answer behind the router, as networks of a provider, an office or a neighbour do. */
const BEHIND = ["10.99.1.1", "fd99::1"];
const ON_LINK = [place.v4.router, place.v4.neighbour, place.v6.router, place.v6.neighbour];
/** Multicast that stays on the link or in the site (S4.6), and multicast that routers forward. */
const LOCAL_GROUPS = ["224.0.0.251", "239.255.255.250", "ff02::fb", "ff05::c"];
const ROUTED_GROUPS = ["224.2.2.2", "239.1.2.3", "ff08::101", "ff0e::101"];
const LISTED = "10.98.1.1";
const WATCHED = [...BEHIND, LISTED, ...LOCAL_GROUPS, ...ROUTED_GROUPS];

describe.skipIf(reason !== undefined)(title, { timeout: 300_000 }, () => {
  const judged = useJudgedWorld();
  const program = useBuiltProgram();
  let awg: AwgInWorld;

  beforeAll(async () => {
    const { world, keys, first } = judged();
    for (const address of [...BEHIND, LISTED])
      await world.inside("internet", ["ip", "address", "add", address, "dev", "lo"]);
    const chain = WATCHED.map((address, index) => {
      const family = address.includes(":") ? "ip6" : "ip";
      return `${family} daddr ${address} counter name "c${index}"`;
    });
    const counters = WATCHED.map((_, index) => `counter c${index} { }`);
    const wire = ["chain wire {", "type filter hook ingress device client0 priority 0;", ...chain, "}"];
    await world.inside(
      "internet",
      ["nft", "-f", "-"],
      ["table netdev seen {", ...counters, ...wire, "}", ""].join("\n"),
    );
    awg = new AwgInWorld(world, keys, program());
    const listed = `rules: [{ destinations: [${LISTED}/32], via: direct }]`;
    await awg.apply(awg.config({ server: first, allowLan: true, engine: "embedded", more: listed }));
    await waitFor("the tunnel", () => isAnswered(place.v4.tunnelServer));
  }, 300_000);
  afterAll(async () => {
    await awg?.[Symbol.asyncDispose]();
  });

  async function isAnswered(address: string, ...options: string[]): Promise<boolean> {
    const client = ["ip", "netns", "exec", judged().world.namespace("client")];
    return (await tryRun([...client, "ping", "-q", "-c", "1", "-W", "1", ...options, address])).status === 0;
  }

  async function seenOnWire(): Promise<readonly string[]> {
    const text = await judged().world.inside("internet", ["nft", "list", "counters", "table", "netdev", "seen"]);
    const counts = [...text.matchAll(/counter c(\d+) \{\s+packets (\d+)/g)];
    return counts.flatMap(([, index, packets]) => (packets === "0" ? [] : (WATCHED[Number(index)] ?? [])));
  }

  test("hosts on the link and listed prefixes answer in clear", async () => {
    for (const address of [...ON_LINK, LISTED]) expect(await isAnswered(address), address).toBe(true);
    expect(await seenOnWire()).toEqual([LISTED]);
  });

  test("private addresses behind the router are not seen on the wire, and explain and verify say so", async () => {
    for (const address of BEHIND) {
      await isAnswered(address);
      await isAnswered(address, "-I", place.device);
      const explained = JSON.parse(await awg.must("explain", address, "--json"));
      const tunnelled = { path: awg.device, device: awg.device, verdict: "accept" };
      expect(explained).toMatchObject({ declared: tunnelled, live: tunnelled, disagreements: [] });
    }
    const neighbour = JSON.parse(await awg.must("explain", place.v4.neighbour, "--json"));
    expect(neighbour).toMatchObject({ declared: { path: "direct" }, live: { path: "direct", verdict: "accept" } });
    expect(await seenOnWire()).toEqual([LISTED]);
    expect(await awg.must("verify")).toMatch(/holds|proved|enforce/i);
  });

  test("multicast that routers forward does not leave", async () => {
    for (const group of [...LOCAL_GROUPS, ...ROUTED_GROUPS]) await isAnswered(group, "-I", place.device);
    expect(await seenOnWire()).toEqual([LISTED, ...LOCAL_GROUPS]);
    for (const group of [...LOCAL_GROUPS, ...ROUTED_GROUPS]) {
      const explained = JSON.parse(await awg.must("explain", group, "--protocol", "udp", "--json"));
      expect(explained, group).toMatchObject({ disagreements: [], notes: [] });
      if (!LOCAL_GROUPS.includes(group)) continue;
      expect(explained, group).toMatchObject({ declared: { device: place.device, verdict: "accept" } });
    }
  });

  test("without policy rules the filter alone keeps them off the wire", async () => {
    const { world } = judged();
    for (const family of ["-4", "-6"]) {
      const flush = `ip ${family} rule flush; ip ${family} rule add pref 32766 table main`;
      await world.inside("client", ["sh", "-c", flush]);
    }
    for (const address of BEHIND) await isAnswered(address);
    expect(await seenOnWire()).toEqual([LISTED, ...LOCAL_GROUPS]);
    expect(await isAnswered(place.v4.neighbour)).toBe(true);
  });
});
