import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { isDeviceName } from "../../src/model/resources/tunnel-key.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../support/config.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace, tunObstacle } from "../support/netns.ts";
import { SEED } from "../support/seeded.ts";

const obstacle = namespaceObstacle() ?? tunObstacle();
let space: TestNamespace | undefined;
afterEach(() => {
  space?.[Symbol.dispose]();
  space = undefined;
});

/** Whether the config takes this name for a tunnel's interface. */
function isTaken(name: string): boolean {
  const text = sampleConfig(`tunnels:
  a: { protocol: wireguard, interface: ${JSON.stringify(name)}, privateKey: { file: /k }, addresses: [10.0.0.2/32], peers: [{ publicKey: ${SECOND_PEER_KEY}, allowedIPs: [10.0.0.0/24] }] }
default: { via: direct }
`);
  return loadConfig([{ name: "a", text }]).config !== undefined;
}

/** Letters that names may have, those that mean something to a shell, nft or the kernel, and lengths around 15. */
const letters = [..."abzAZ09_=+.-*%/:\"'$ \n\u0000\u00e9\u{1f980}"];
const namesArbitrary = fc.string({ unit: fc.constantFrom(...letters), minLength: 0, maxLength: 17 });

describe("D2: interface names", () => {
  test("a name is taken exactly when it keeps the grammar, whatever it holds", () => {
    const names = fc.sample(namesArbitrary, { seed: SEED, numRuns: 300 });
    const kept = [...names, "lo", "all", "default", "wg0", "a".repeat(15), "a".repeat(16), ".", "..", "-f"];
    for (const name of kept) {
      const isReserved = ["lo", "all", "default"].includes(name);
      expect([name, isTaken(name)]).toEqual([name, isDeviceName(name) && !isReserved]);
    }
  });

  test.skipIf(obstacle !== undefined)(`the kernel takes each whole (${obstacle ?? "on this kernel"})`, () => {
    space = makeNamespace("names");
    const safe = fc.string({ unit: fc.constantFrom(...letters.slice(0, 12)), minLength: 1, maxLength: 15 });
    const drawn = fc.sample(safe, { seed: SEED, numRuns: 60 }).filter(isDeviceName);
    // Names that only the last of 15 bytes tells apart.
    const names = [...new Set([...drawn, `${"n".repeat(14)}1`, `${"n".repeat(14)}2`])];
    expect(names.length).toBeGreaterThan(30);
    const adding = names.map((name) => `tuntap add dev ${name} mode tun`).join("\n");
    space.run(["ip", "-batch", "-"], { input: `${adding}\n` });
    const listed = JSON.parse(space.run(["ip", "-json", "link", "show"]).stdout) as { ifname: string }[];
    expect(listed.map(({ ifname }) => ifname)).toEqual(expect.arrayContaining(names));
  });
});
