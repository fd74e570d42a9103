import { describe, expect, test } from "vitest";
import { renderSteps } from "../../../src/cli/verbs/plan/plan.human.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { TunnelObserved, TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { tunnelDriver } from "../../../src/resources/tunnel/tunnel.driver.ts";
import { KEY_A } from "../sample.ts";

const secret = (text: string) => text as SecretId;

const SPEC: TunnelSpec = {
  device: "awg-office",
  protocol: "amneziawg",
  engine: "embedded",
  privateKey: secret("key"),
  listenPort: 0,
  fwmark: 1,
  peers: [{ publicKey: KEY_A, presharedKey: secret("psk"), allowedIPs: ["0.0.0.0/0"], persistentKeepaliveSeconds: 0 }],
  obfuscation: { jc: "4", s1: "20", h1: "1000" },
};

function observed(spec: TunnelSpec, running = true): TunnelObserved {
  const peers = spec.peers.map((peer) => ({ ...peer, lastHandshakeSeconds: 5, receivedBytes: 1, sentBytes: 2 }));
  return { ...spec, running, peers };
}

/** What is told at each field that differs; undefined where nothing is. */
function reported(desired: Partial<TunnelSpec>, engine: TunnelSpec["engine"], running = true): Record<string, unknown> {
  const before = { ...SPEC, engine };
  const changes = tunnelDriver.diff({ ...before, ...desired }, observed(before, running));
  return Object.fromEntries(changes.map(({ field, interruption }) => [field, interruption]));
}

const IS_NOT = expect.stringMatching(/^not make-before-break: /);
const IS = expect.stringMatching(/^make-before-break: /);

describe("issue 4, point 4: the plan says when a change of key or obfuscation is not make-before-break", () => {
  test.each<[TunnelSpec["engine"], unknown]>([
    ["embedded", IS],
    ["userspace", IS_NOT],
  ])("engine %s", (engine, expected) => {
    expect(reported({ privateKey: secret("other") }, engine)).toEqual({ "/privateKey": expected });
    const other = { jc: "4", s1: "21", s4: "7", h1: "1001", header_protection_key: "id" };
    expect(reported({ obfuscation: other }, engine)).toEqual({
      "/obfuscation/h1": expected,
      "/obfuscation/header_protection_key": undefined,
      "/obfuscation/s1": undefined,
      "/obfuscation/s4": undefined,
    });
    const peers = SPEC.peers.map((peer) => ({ ...peer, presharedKey: secret("another") }));
    expect(reported({ peers }, engine)).toEqual({ "/peers/0/presharedKey": expect.stringContaining("next handshake") });
  });

  test("what each end has for itself interrupts nothing", () => {
    expect(reported({ obfuscation: { ...SPEC.obfuscation, jc: "5", i1: "<r 4>" } }, "userspace")).toEqual({
      "/obfuscation/i1": undefined,
      "/obfuscation/jc": undefined,
    });
    expect(reported({ fwmark: 2 }, "userspace")).toEqual({ "/fwmark": undefined });
  });

  test("another engine or protocol is reported once, whatever else changes; one that does not run loses nothing", () => {
    expect(reported({ protocol: "wireguard", obfuscation: {}, privateKey: secret("other") }, "embedded")).toEqual({
      "/protocol": IS_NOT,
      "/privateKey": undefined,
      "/obfuscation/h1": undefined,
      "/obfuscation/jc": undefined,
      "/obfuscation/s1": undefined,
    });
    expect(reported({ privateKey: secret("other") }, "userspace", false)).toEqual({
      "/running": undefined,
      "/privateKey": undefined,
    });
  });

  test("plan and diff print it below the field, and JSON carries it", () => {
    const changes = tunnelDriver.diff({ ...SPEC, privateKey: secret("other") }, observed(SPEC));
    const step = { key: "tunnel/office", action: "update", changes, reason: "differs" } as const;
    expect(renderSteps([step], styleFor(false)).join("\n")).toMatch(
      /^ {2}~ tunnel\/office {2}# differs\n {6}privateKey: \(secret, changed\)\n {8}# make-before-break: sessions continue/,
    );
    expect(JSON.stringify(changes)).toContain('"interruption":"make-before-break: ');
  });
});
