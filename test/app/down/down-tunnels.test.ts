import { describe, expect, test } from "vitest";
import { planDownChange } from "../../../src/app/down/change-down.ts";
import { downNotes, withoutDown } from "../../../src/app/down/down-tunnels.ts";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { configOf } from "../../resources/sample.ts";

const PEER = (address: string) =>
  `peers: [{ publicKey: "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=", endpoint: "${address}:51820", allowedIPs: [0.0.0.0/0] }]`;
const tunnel = (name: string, index: number) =>
  `  ${name}: { protocol: wireguard, privateKey: { env: KEY_${index} }, addresses: [10.${index}.0.2/32], ${PEER(`192.0.2.${index}`)} }\n`;
const config = (rest: string) =>
  configOf(`tunnels:\n${tunnel("home", 1)}${tunnel("office", 2)}${rest}
rules:
  - { destinations: [10.9.0.0/16], via: office }
  - { destinations: [10.8.0.0/16], via: office, fallback: direct }
  - { destinations: [10.7.0.0/16], via: home }
dns: { servers: [10.2.0.1], via: office }
probes: [{ name: web, type: ping, target: 10.2.0.1, via: office }]
`);
const GUARDED = "default: { via: home, fallback: block }\nkillSwitch: { enabled: true }";
const OPEN = "default: { via: office, fallback: direct }\nkillSwitch: { enabled: false }";

const newBench = useSimulatedBench();

test("awg down of a tunnel in lifecycle.protect is refused, and changes nothing", async () => {
  const bench = newBench();
  const text = bench.config({ office: {}, home: {} }, "lifecycle: { protect: [tunnel/office] }");
  await bench.apply(text);
  const before = bench.read();
  const down = (tunnel: string) =>
    bench.ask(async (session) =>
      planDownChange(session.host.parts, await session.load([{ name: "bench.yaml", text }]), { tunnel, isDown: true }),
    );
  await expect(down("office")).rejects.toMatchObject({
    kind: "config",
    message: "tunnel/office must not be destroyed or replaced: lifecycle.protect names it",
  });
  expect(bench.read()).toBe(before);
  expect((await down("home")).changed).toEqual(["home"]);
});

describe("a tunnel that awg down took down", () => {
  test("leaves the config; its flows use their fallbacks, all others stay", () => {
    const { tunnels, rules, default: rest, probes } = withoutDown(config(GUARDED), ["office"]);
    expect(Object.keys(tunnels)).toEqual(["home"]);
    expect(rules.map(({ via }) => via.kind)).toEqual(["block", "direct", "tunnel"]);
    expect(rest.via).toEqual({ kind: "tunnel", tunnel: "home" });
    expect(probes).toEqual([]);
  });

  test("is carried by the first tunnel of its failover that is up", () => {
    const failing = configOf(`tunnels:
${tunnel("home", 1)}${tunnel("office", 2).replace(" }\n", ", failover: { tunnels: [home] } }\n")}
rules:
  - { destinations: [10.9.0.0/16], via: office }
  - { destinations: [10.8.0.0/16], via: office, fallback: { failover: [home] } }
  - { destinations: [10.7.0.0/16], via: office, fallback: drop }
default: { via: office, fallback: direct }
killSwitch: { enabled: true }
`);
    const { rules, default: rest } = withoutDown(failing, ["office"]);
    const home = { kind: "tunnel", tunnel: "home" };
    expect([...rules, rest].map(({ via }) => via)).toEqual([home, home, { kind: "block" }, home]);
    expect(withoutDown(failing, ["home", "office"]).default.via).toEqual({ kind: "direct" });
    expect(downNotes(failing, ["office"]).map(({ message }) => message)).toEqual([
      'tunnel "office" is down on request; its traffic is carried by home or blocked. To bring it up: awg up office',
    ]);
  });

  test("blocks its DNS with the kill switch, and gives the host's own back without it", () => {
    expect(withoutDown(config(GUARDED), ["office"]).dns).toMatchObject({
      servers: ["10.2.0.1"],
      via: { kind: "block" },
    });
    const open = withoutDown(config(OPEN), ["office"]);
    expect([open.dns, open.default.via]).toEqual([undefined, { kind: "direct" }]);
    expect(withoutDown(config(GUARDED), ["home"]).dns).toEqual(config(GUARDED).dns);
  });

  test("is named with what becomes of its traffic, and how to bring it up", () => {
    const texts = (rest: string, down: string[]) => downNotes(config(rest), down).map(({ message }) => message);
    expect(texts(GUARDED, ["home", "office"])).toEqual([
      'tunnel "home" is down on request; its traffic is blocked. To bring it up: awg up home',
      'tunnel "office" is down on request; its traffic is blocked or direct, its DNS is blocked. To bring it up: awg up office',
    ]);
    expect(texts(OPEN, ["office"])[0]).toContain("the host's own DNS is restored");
  });
});
