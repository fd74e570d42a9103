import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlaneEvent, PlaneObservation } from "../../src/dataplane/contract.ts";
import { privateKey, publicKeyOf } from "../engine/support/link.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { SEED } from "../support/seeded.ts";
import { type Lab, makeLab } from "./lab.ts";
import type { EndSettings } from "./scripts/end.script.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip");
const ATTACKER = fileURLToPath(new URL("scripts/attacker.script.ts", import.meta.url));
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");
const ENGINE_PORT = 51_001;
const ASKED = 80;

const OBFUSCATION = {
  awg_generation: "2.0",
  s1: "33",
  s2: "47",
  s3: "21",
  s4: "17",
  h1: "1-1073741823",
  h2: "1073741824-2147483647",
  h3: "2147483648-3221225471",
  h4: "3221225472-4294967295",
};

describe.skipIf(obstacle !== undefined)(`a running engine under attack (${obstacle ?? "by its own peer"})`, () => {
  let lab: Lab;

  beforeAll(() => {
    lab = makeLab("hostile");
  });
  afterAll(() => lab?.[Symbol.dispose]());

  it.each<[string, Readonly<Record<string, string>>, number]>([
    ["WireGuard", {}, 52_000],
    ["AmneziaWG with every word a header", OBFUSCATION, 52_010],
  ])(
    "%s: ten replays of everything, cuts and flipped bits, also from elsewhere, give nothing and move nobody",
    async (_name, obfuscation, port) => {
      const settings: EndSettings = {
        tun: "tun-a",
        addresses: ["10.0.0.1/24"],
        mtu: 1420,
        privateKey: base64(privateKey(1)),
        port: ENGINE_PORT,
        peers: [{ key: base64(publicKeyOf(2)) }],
        ...(Object.keys(obfuscation).length === 0 ? {} : { obfuscation }),
      };
      await lab.a.tell("open", settings);
      const ports = [port, port + 1] as const;
      const task = JSON.stringify({ seed: SEED, obfuscation, enginePort: ENGINE_PORT, ports });
      const command = ["netns", "exec", lab.b.namespace.name, process.execPath, ATTACKER, task];
      const { stdout } = await promisify(execFile)("ip", command, { timeout: 100_000 });
      const { asked, hostile, answered } = JSON.parse(stdout);
      expect(answered).toBe(ASKED);
      expect(hostile).toBeGreaterThan(10 * ASKED);
      // What the device was given, by the kernel's own count: each message once at the most.
      const [link] = JSON.parse(lab.a.namespace.run(["ip", "-j", "-s", "link", "show", "tun-a"]).stdout);
      expect(link.stats64.rx.packets).toBeGreaterThanOrEqual(ASKED);
      expect(link.stats64.rx.packets).toBeLessThanOrEqual(asked);
      const { tunnels } = (await lab.a.tell("observe")) as PlaneObservation;
      expect(tunnels[0]?.peers[0]?.endpoint?.port).toBe(port);
      const events = (await lab.a.tell("events")) as readonly PlaneEvent[];
      expect(events.map(({ kind }) => kind)).not.toContain("crashed");
    },
  );
});
