import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runByCommander } from "../../src/cli/commander-program.ts";
import { parsePlainly } from "../../src/cli/plain-options.ts";
import type { Terminal } from "../../src/cli/terminal.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { messageOf } from "../../src/model/error.ts";
import { columnsOf, PLAIN_WIDTH, wrapText } from "../../src/model/text/wrap.ts";
import { temporaryFolder } from "../support/folder.ts";

const KEY = "uL2p0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSYJ2k=";
const PEERS = ["4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=", "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="];
const folder = temporaryFolder("columns");
const HOST = ["--host", `simulated:${join(folder, "host.json")}`];

function config({ lan, more = "" }: { readonly lan: boolean; readonly more?: string }): string {
  return `apiVersion: awg/v1
name: laptop
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.0.2/32, "fd00:8::2/128"]
    peers: [{ publicKey: ${PEERS[0]}, endpoint: "203.0.113.9:51820", allowedIPs: [0.0.0.0/0, "::/0"] }]
  provider-se:
    protocol: amneziawg
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.66.0.2/32]
    obfuscation: { jc: 4, jmin: 40, jmax: 70, s1: 72, s2: 40, h1: 1001, h2: 1002, h3: 1003, h4: 1004 }
    peers: [{ publicKey: ${PEERS[1]}, endpoint: "198.51.100.30:51820", allowedIPs: [10.0.0.0/8, 172.16.0.0/12] }]
rules:
  - { name: printers, destinations: [192.168.7.0/24, 192.168.8.0/24, 192.168.9.0/24, 192.168.10.0/24], via: direct }
  - { name: no-mail, protocol: tcp, ports: [25, 465, 587], users: [1000-1999], via: block }
default: { via: office, fallback: direct }
killSwitch: { enabled: true, allowLan: ${lan}, allow: [{ direction: in, protocol: tcp, ports: [22] }] }
dns: { servers: [10.8.0.1], via: office }
${more}`;
}

writeFileSync(join(folder, "key"), `${KEY}\n`, { mode: 0o600 });
writeFileSync(join(folder, "one.yaml"), config({ lan: true }));
writeFileSync(join(folder, "two.yaml"), config({ lan: false }).replaceAll("10.66.0.2", "10.66.0.3"));
writeFileSync(join(folder, "peer.yaml"), config({ lan: false }).replaceAll(PEERS[0] ?? "", KEY));
writeFileSync(join(folder, "bad.yaml"), config({ lan: true, more: "kilSwitch: { enabled: true }\nrule: []\n" }));
writeFileSync(
  join(folder, "wg0.conf"),
  `[Interface]\nPrivateKey = ${KEY}\nAddress = 10.8.0.2/32\nPostUp = iptables -A FORWARD -i %i -j ACCEPT\n[Peer]\nPublicKey = ${PEERS[0]}\nEndpoint = 192.0.2.1:51820\nAllowedIPs = 0.0.0.0/0\n`,
);

/** All that a command line prints for people: stdout as it is, stderr as a terminal of 80 columns has it. */
async function shown(argv: readonly string[]): Promise<readonly string[]> {
  const said: string[] = [];
  const terminal: Terminal = {
    out: (text) => said.push(text),
    err: (text) => said.push(wrapText(text, PLAIN_WIDTH, 4)),
    colorOut: false,
    colorErr: false,
    interactive: false,
    columns: PLAIN_WIDTH,
    ask: () => undefined,
    readInput: () => "",
  };
  const context = { terminal, environment: { ...process.env }, verbs: VERBS, globalOptions: GLOBAL_OPTIONS };
  const plain = parsePlainly(argv, VERBS, GLOBAL_OPTIONS);
  try {
    if (plain === undefined) await runByCommander(argv, context);
    else await (await plain.verb.load()).run({ ...context, options: plain.options, args: plain.args });
  } catch (error) {
    terminal.err(`awg: ${messageOf(error)}`);
  }
  return said.flatMap((text) => text.split("\n"));
}

/** Lines that are wider, though they could be broken: a key or path alone cannot. JSON is not for people. */
function tooWide(lines: readonly string[]): readonly string[] {
  const isBreakable = (line: string) => wrapText(line, PLAIN_WIDTH, 4) !== line || line.includes('{"');
  return lines.filter((line) => columnsOf(line) > PLAIN_WIDTH && isBreakable(line));
}

const ONE = ["-f", join(folder, "one.yaml")];
const TWO = ["-f", join(folder, "two.yaml")];
const OTHER_PEER = ["-f", join(folder, "peer.yaml")];

test("law: no verb prints a line wider than 80 columns for people", { timeout: 120_000 }, async () => {
  const calls: readonly (readonly string[])[] = [
    ["validate", ...ONE],
    ["validate", "-f", join(folder, "bad.yaml")],
    ["plan", ...ONE, ...HOST],
    ["plan", ...ONE, ...HOST, "--verbose", "--verify"],
    ["status", ...HOST],
    ["explain", "198.51.100.10:443", ...HOST],
    ["apply", ...ONE, ...HOST],
    ["apply", ...ONE, ...HOST, "--auto-approve"],
    ["apply", ...TWO, ...HOST, "--auto-approve"],
    ["status", ...HOST],
    ["history", ...HOST],
    ["get", ...HOST],
    ["get", "tunnel/none", ...HOST],
    ["diff", ...ONE, ...HOST, "--verbose"],
    ["diff", "@1", "@2", ...HOST],
    ["apply", ...OTHER_PEER, ...HOST, "--auto-approve"],
    ["diff", "@2", "@3", ...HOST],
    ["explain", "198.51.100.10:443", ...HOST],
    ["explain", "192.168.7.9:80", "--trace", ...HOST],
    ["verify", ...HOST],
    ["doctor", ...HOST],
    ["capabilities", ...HOST],
    ["ps", ...ONE, ...HOST],
    ["confirm", ...HOST],
    ["revert", ...HOST],
    ["rollback", ...HOST, "--auto-approve"],
    ["drift", ...HOST],
    ["import", join(folder, "wg0.conf"), "--out", join(folder, "out.yaml")],
    ["export", "office", ...ONE, "--out", join(folder, "out.conf")],
    ["install", "--dry-run", ...HOST],
    ["service", "status", ...HOST],
    ["schema", "--path", "killSwitch"],
    ["version"],
    ["destroy", ...HOST, "--auto-approve"],
  ];
  const wide: string[] = [];
  for (const argv of calls) {
    const lines = await shown(argv);
    expect(lines.join("").length, argv.join(" ")).toBeGreaterThan(0);
    wide.push(...tooWide(lines).map((line) => `awg ${argv[0]}: ${line}`));
    if (argv[0] === "rollback") meddle();
  }
  expect(wide).toEqual([]);
});

/** Another program takes a route and an address away. */
function meddle(): void {
  const path = join(folder, "host.json");
  const before = readFileSync(path, "utf8");
  writeFileSync(path, before.replaceAll(/"10\.0\.0\.0\/8",?/g, "").replaceAll(/,?"fd00:8::2\/128"/g, ""));
}

describe("help", () => {
  test.each([["--help"], ...VERBS.map(({ name }) => [name, "--help"])])("awg %s %s", async (...argv) => {
    const lines = await shown(argv.filter((word) => word !== undefined));
    expect(lines.length).toBeGreaterThan(3);
    expect(tooWide(lines)).toEqual([]);
  });
});
