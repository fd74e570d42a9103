import { expect, test } from "vitest";
import type { AwgConfiguration } from "../../schema/awg.d.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";

/** Compiling this file is half of the test: the public type takes what the language takes. */
const configuration: AwgConfiguration = {
  apiVersion: "awg/v1",
  tunnels: {
    office: {
      protocol: "amneziawg",
      privateKey: { file: "/etc/awg/office.key" },
      addresses: ["10.8.0.2/32"],
      obfuscation: { version: 2, jc: 4, jmin: 40, jmax: 70, h1: "5-9" },
      peers: [
        {
          publicKey: THIRD_PEER_KEY,
          endpoint: "192.0.2.1:51820",
          allowedIPs: ["0.0.0.0/0"],
          persistentKeepalive: "25s",
        },
      ],
    },
    proxy: { protocol: "socks5", server: "192.0.2.1:1080" },
  },
  rules: [
    {
      apps: ["firefox", { path: "/opt/x" }],
      ports: [443, "8000-8999"],
      via: "office",
      fallback: { failover: ["proxy"] },
    },
    { not: { users: "root" }, via: "block" },
  ],
  default: { via: "office" },
  killSwitch: { enabled: true },
};

test("what the public type takes is a configuration", () => {
  expect(loadConfig([{ name: "a.json", text: JSON.stringify(configuration) }]).problems).toEqual([]);
});

test("the public type refuses unknown keys and wrong words", () => {
  // @ts-expect-error a key that does not exist
  const unknown: AwgConfiguration = { apiVersion: "awg/v1", default: { via: "direct" }, nam: "x" };
  // @ts-expect-error a protocol that does not exist
  const protocol: AwgConfiguration["tunnels"] = { a: { protocol: "openvpn", server: "192.0.2.1:1" } };
  expect([unknown, protocol].map((wrong) => loadConfig([{ name: "a", text: JSON.stringify(wrong) }]).config)).toEqual([
    undefined,
    undefined,
  ]);
});
