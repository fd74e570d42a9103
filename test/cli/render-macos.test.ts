import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { parsePf } from "../host/darwin/pf/parse-pf.ts";
import { ROOT } from "../repository/sources.ts";

const CONFIG = `apiVersion: awg/v1
name: laptop
tunnels:
  office:
    protocol: wireguard
    privateKey: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
    addresses: [10.8.0.2/32]
    peers:
      - publicKey: "FlvAqMEDgE1D9nFQZpiqwXXMClm0Wc/Ga1r7TzmoGkk="
        endpoint: 192.0.2.1:51820
        allowedIPs: [0.0.0.0/0, "::/0"]
default: { via: office }
killSwitch: { enabled: true, allowLan: true }
dns: { servers: [10.8.0.1], via: office, leakProtection: true }
`;
let folder: string | undefined;
afterEach(() => folder !== undefined && rmSync(folder, { recursive: true, force: true }));

test("render --for macos prints the anchors as pfctl reads them, and says what it leaves out", () => {
  folder = mkdtempSync(join(tmpdir(), "awg-t-render-"));
  const config = join(folder, "config.yaml");
  writeFileSync(config, CONFIG, { mode: 0o600 });
  const argv = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), "render", "-f", config];
  const options = ["--for", "macos", "--host", "simulated", "--json"];
  const { status, stdout, stderr } = spawnSync(process.execPath, [...argv, ...options], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(status, stderr).toBe(0);
  const { system, parts, left } = JSON.parse(stdout);
  expect(system).toBe("macos");
  expect(parts.map(({ key }: { key: string }) => key)).toEqual(["pf/com.awg", "pf/com.apple/000.awg"]);
  const { rules } = parsePf(parts[0].text);
  expect(rules.flatMap(({ anchor }) => anchor ?? [])).toEqual(["ipv6", "dns", "killswitch"]);
  expect(parts[0].text).toContain("# utun100 stands for awg-office");
  expect(parsePf(parts[1].text).rules.map(({ anchor }) => anchor)).toEqual(["/com.awg"]);
  expect(left).toContain("resolver/machine");
});
