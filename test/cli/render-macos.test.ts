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
dns: { servers: [10.8.0.1], via: office, leakProtection: true, split: { corp.example: [10.0.0.53] } }
service: { install: true }
`;
let folder: string | undefined;
afterEach(() => folder !== undefined && rmSync(folder, { recursive: true, force: true }));

interface Rendered {
  readonly system: string;
  readonly parts: readonly { readonly key: string; readonly text: string }[];
  readonly left: readonly string[];
}

test.each([["--host", "simulated"], []])(
  "render --for macos prints all that would be loaded, from any machine (%s)",
  (...host) => {
    folder = mkdtempSync(join(tmpdir(), "awg-t-render-"));
    const config = join(folder, "config.yaml");
    writeFileSync(config, CONFIG, { mode: 0o600 });
    const argv = ["--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts"), "render", "-f", config];
    const options = ["--for", "macos", ...host, "--json"];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...argv, ...options], {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect(status, stderr).toBe(0);
    expect(stdout).not.toContain("AAAAAAAAAAAA=");
    const { system, parts, left } = JSON.parse(stdout) as Rendered;
    expect(system).toBe("macos");
    expect(parts.map(({ key }) => key)).toEqual([
      "pf/com.awg",
      "pf/com.apple/000.awg",
      "link/office",
      "tunnel/office",
      "routes/policy",
      "routes/office",
      "scutil",
      "/etc/resolver/corp.example",
      "service/keeper",
      "service/daemon",
      "autostart/daemon",
      "autostart/keeper",
    ]);
    // The folder that a Mac's own sessions use, or the service would be another keeper than theirs.
    expect(parts.find(({ key }) => key === "service/keeper")?.text).toContain("<string>/var/run/awg</string>");
    expect(left).toEqual([]);
    const textOf = (key: string) => parts.find((part) => part.key === key)?.text ?? "";
    const { rules } = parsePf(textOf("pf/com.awg"));
    expect(rules.flatMap(({ anchor }) => anchor ?? [])).toEqual(["ipv6", "dns", "killswitch"]);
    expect(textOf("pf/com.awg")).toContain("# utun100 stands for awg-office");
    expect(parsePf(textOf("pf/com.apple/000.awg")).rules.map(({ anchor }) => anchor)).toEqual(["/com.awg"]);
    expect(textOf("scutil")).toContain("d.add ServerAddresses * 10.8.0.1\n");
    expect(textOf("/etc/resolver/corp.example")).toContain("nameserver 10.0.0.53\n");
  },
);
