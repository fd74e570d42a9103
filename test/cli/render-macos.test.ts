import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parsePf } from "../host/darwin/pf/parse-pf.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

const CONFIG = sampleConfig(`name: laptop
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
`);
let folder: string | undefined;

interface Rendered {
  readonly system: string;
  readonly parts: readonly { readonly key: string; readonly text: string }[];
  readonly notes: readonly { readonly path: string; readonly message: string }[];
  readonly left: readonly string[];
}

function render(text: string, ...options: readonly string[]): SpawnSyncReturns<string> {
  folder = temporaryFolder("t-render");
  const config = join(folder, "config.yaml");
  writeFileSync(config, text, { mode: 0o600 });
  const argv = ["--disable-warning=ExperimentalWarning", program(), "render", "-f", config];
  return spawnSync(process.execPath, [...argv, ...options], { encoding: "utf8", timeout: 60_000 });
}

test.each([["--host", "simulated"], []])(
  "render --for macos prints all that would be loaded, from any machine (%s)",
  (...host) => {
    const { status, stdout, stderr } = render(CONFIG, "--for", "macos", ...host, "--json");
    expect(status, stderr).toBe(0);
    expect(stdout).not.toContain("AAAAAAAAAAAA=");
    const { system, parts, left, notes } = JSON.parse(stdout) as Rendered;
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
      "service/api",
      "autostart/daemon",
      "autostart/keeper",
      "autostart/api",
      "service/gui",
    ]);
    // The folder that a Mac's own sessions use, or the service would be another keeper than theirs.
    expect(parts.find(({ key }) => key === "service/keeper")?.text).toContain("<string>/var/run/awg</string>");
    expect(left).toEqual([]);
    expect(notes.map(({ path }) => path)).toContain("host");
    const textOf = (key: string) => parts.find((part) => part.key === key)?.text ?? "";
    const { rules } = parsePf(textOf("pf/com.awg"));
    expect(rules.flatMap(({ anchor }) => anchor ?? [])).toEqual(["ipv6", "dns", "killswitch"]);
    expect(textOf("pf/com.awg")).toContain("# utun100 is awg-office");
    expect(parsePf(textOf("pf/com.apple/000.awg")).rules.map(({ anchor }) => anchor)).toEqual(["/com.awg"]);
    const daemon = "/Library/LaunchDaemons/com.awg.split-tunnel.plist";
    expect(textOf("service/daemon")).toMatch(`# ${daemon}\n# launchctl bootstrap system ${daemon}\n<?xml`);
    expect(textOf("autostart/daemon")).toBe("# launchctl enable system/com.awg.split-tunnel\n");
    const agent = "~/Library/LaunchAgents/com.awg.split-tunnel.gui.plist";
    expect(textOf("service/gui")).toMatch(`# ${agent}\n# launchctl bootstrap gui/501 ${agent}\n<?xml`);
    expect(textOf("scutil")).toContain("d.add ServerAddresses * 10.8.0.1\n");
    expect(textOf("/etc/resolver/corp.example")).toContain("nameserver 10.0.0.53\n");
  },
);

test("what cannot be written without the Mac is said on stderr, by its place, with a plan's notes and what Mac was assumed", () => {
  const { status, stdout, stderr } = render(
    CONFIG.replace("192.0.2.1:51820", "vpn.example.com:51820").replace(
      "default:",
      'rules: [{ users: [backup, "501"], via: office }]\ndefault:',
    ),
    ...["--for", "macos"],
  );
  expect(status, stderr).toBe(0);
  expect(stdout).not.toContain("Endpoint =");
  const said = stderr.split("\n").filter((line) => /^(left out|note): /.test(line));
  expect(said).toEqual([
    "left out: tunnels.office.peers.0.endpoint: a name that has no address here; not written: its Endpoint, the rule that lets it out (S3.1), the route to it",
    "left out: rules.0.users: a user name without a known uid here; not written: rules for it",
    expect.stringMatching(/^note: host: assumed: a Mac on en0/),
    expect.stringMatching(/^note: tunnels.office: /),
    "note: rules.0 (best-effort): enforced by the kernel, except for raw frames that root sends",
    expect.stringMatching(/^note: killSwitch.allowLan: /),
    expect.stringMatching(/^note: dns.servers \(best-effort\): /),
    "note: rules.0: its traffic to the local network is dropped, because macOS has one route per destination",
  ]);
});
