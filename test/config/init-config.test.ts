import { describe, expect, test } from "vitest";
import { reservedKeysUsed } from "../../src/config/feature/reserved-keys.ts";
import { initConfig } from "../../src/config/init-config.ts";
import { loadConfig } from "../../src/config/load-config.ts";

const load = (text: string) => loadConfig([{ name: "awg.yaml", text, mode: 0o600 }]);

describe("a configuration to start from", () => {
  test("is valid, without a warning", () => {
    expect(load(initConfig()).problems).toEqual([]);
  });

  test("fits 80 columns", () => {
    expect(
      Math.max(
        ...initConfig()
          .split("\n")
          .map((line) => line.length),
      ),
    ).toBeLessThanOrEqual(80);
  });

  test("protects from the first apply", () => {
    const { config } = load(initConfig());
    expect(config?.killSwitch.enabled).toBe(true);
    expect(config?.default).toEqual({ via: { kind: "tunnel", tunnel: "vpn" }, fallback: { kind: "block" } });
    expect(config?.dns).toMatchObject({ via: { kind: "tunnel", tunnel: "vpn" }, leakProtection: true });
  });

  test("takes the answers", () => {
    const text = initConfig({
      name: "server-7",
      protocol: "wireguard",
      endpoint: "[2001:db8::1]:443",
      addresses: ["fd00::2/128"],
      dnsServers: ["fd00::1"],
      bootstrapServers: ["2001:db8::53"],
      privateKeyFile: "/etc/keys/a",
    });
    const { config, problems } = load(text);
    expect(problems).toEqual([]);
    expect(config?.name).toBe("server-7");
    expect(config?.tunnels["vpn"]).toMatchObject({
      protocol: "wireguard",
      privateKey: { file: "/etc/keys/a" },
      addresses: ["fd00::2/128"],
      peers: [{ endpoint: { host: "2001:db8::1", port: 443 } }],
    });
    expect(config && reservedKeysUsed(config)).toEqual([]);
  });

  test("what is commented out is valid too", () => {
    const text = initConfig()
      .replace("rules: []", "rules:")
      .replaceAll(/^# {2}- /gm, "  - ");
    const { config, problems } = load(text);
    expect(problems).toEqual([]);
    expect(config?.rules).toHaveLength(2);
  });
});
