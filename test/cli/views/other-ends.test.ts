import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { otherEndsOf, renderOtherEnds } from "../../../src/cli/verbs/config/compatible-peers.ts";
import { configOf, KEY_A } from "../../resources/sample.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";

const program = useBuiltProgram();

function textOf(obfuscation: string): string {
  return `
tunnels:
  a:
    protocol: amneziawg
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    obfuscation: ${obfuscation}
    peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }]
  w: { protocol: wireguard, privateKey: { file: /w }, peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.1.0.0/16] }] }
default: { via: direct }
`;
}

function linesOf(obfuscation: string): readonly string[] {
  return renderOtherEnds(otherEndsOf(configOf(textOf(obfuscation))), true);
}

test("awg validate says it with --verbose, and as data with --json", () => {
  const folder = temporaryFolder("other-ends");

  const file = join(folder, "awg.yaml");
  writeFileSync(file, sampleConfig(`${textOf("{ s4: 5 }")}`), { mode: 0o600 });
  const awg = (...more: string[]) =>
    spawnSync(process.execPath, [program(), "validate", "-f", file, ...more], {
      encoding: "utf8",
      timeout: 60_000,
    });
  const plain = awg();
  expect([plain.status, plain.stdout]).toEqual([0, "The config is valid.\n"]);
  expect(plain.stderr).not.toContain("speaks AmneziaWG");
  expect(awg("--verbose").stderr).toContain(
    "note: a speaks AmneziaWG 1.5. Its peer needs awg, or: amneziawg-go v0.2.13",
  );
  expect(JSON.parse(awg("--json").stdout)).toMatchObject({
    valid: true,
    otherEnds: [{ tunnel: "a", version: "1.5" }],
  });
});

describe("what validate says about the peer", () => {
  test.each<[string, string, string]>([
    ["only what need not match", '{ jc: 3, jmin: 8, jmax: 80, i1: "<r 4>" }', "any WireGuard"],
    ["paddings of handshakes", "{ s1: 15 }", "amneziawg-go v0.1.4"],
    ["other headers", "{ h1: 5 }", "amneziawg-go v0.1.4"],
    ["padding of data", "{ s4: 5 }", "amneziawg-go v0.2.13"],
    ["a range of headers", "{ h1: 5-9 }", "amneziawg-go v0.2.15"],
    ["a mask", "{ s1: 12, s2: 13, s3: 14, s4: 15, headerProtectionKey: { file: /h } }", "amneziawg-go v3.0.0"],
    ["trailers", "{ randomTrailers: true }", "amneziawg-go v3.1.20260812"],
  ])("with %s", (_name, obfuscation, release) => {
    const [first = "", ...limits] = linesOf(obfuscation);
    expect(first).toContain(release);
    for (const limit of limits) expect(limit).toMatch(/^note: a: .*\.$/);
  });

  test("the kernel module has no release with trailers", () => {
    expect(linesOf("{ randomTrailers: true }").join()).not.toContain("kernel module");
  });

  test("known defects of programs that fit are named", () => {
    expect(linesOf("{ s4: 5 }").join("\n")).toContain("v0.2.13 to v0.2.17 sends keepalives without s4");
    expect(linesOf("{ contentPaddingAddition: 5-60 }").join("\n")).toContain("count padded keepalives as data");
  });

  test("a tunnel of plain WireGuard needs no note", () => {
    expect(linesOf("{ s1: 15 }").join()).not.toContain("note: w");
  });
});
