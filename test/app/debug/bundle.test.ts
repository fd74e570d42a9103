import { execFileSync } from "node:child_process";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { allForms, scrub } from "../../../src/app/debug/scrub.ts";
import { redactConfig } from "../../../src/config/source/redact-config.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";

const program = useBuiltProgram();

const root = join(import.meta.dirname, "..", "..", "..");
const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString("base64");
const CANARIES = {
  inline: keyOf(11),
  preshared: keyOf(12),
  header: keyOf(13),
  file: keyOf(14),
  env: keyOf(15),
  misspelt: "Qz7-misspelt",
  password: "Qz7-password",
  userInfo: "Qz7-userinfo",
  query: "Qz7-query",
  comment: "Qz7-comment",
};

/** Every key of the schema that takes a secret, from the schema itself. */
function secretKeys(): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, one] of Object.entries(value)) {
      const text = JSON.stringify(one);
      if (key === "properties")
        for (const [name, property] of Object.entries(one as object))
          if (
            /"#\/\$defs\/Secret(Key|Text)"/.test(JSON.stringify(property)) &&
            !/"properties"/.test(JSON.stringify(property))
          )
            found.add(name);
      if (text !== undefined) visit(one);
    }
  };
  visit(JSON.parse(readFileSync(join(root, "schema", "awg.schema.json"), "utf8")));
  return found;
}

function textIn(folder: string): string {
  const peer = (more: string) =>
    `[{ publicKey: "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0]${more} }]`;
  return sampleConfig(`# ${CANARIES.comment}
tunnels:
  a: { protocol: wireguard, privateKey: ${CANARIES.inline}, privatKey: ${CANARIES.misspelt}, addresses: [10.1.0.2/32], peers: ${peer(`, presharedKey: { inline: ${CANARIES.preshared} }`)} }
  b: { protocol: amneziawg, privateKey: { file: ${join(folder, "key")} }, addresses: [10.2.0.2/32], obfuscation: { headerProtectionKey: ${CANARIES.header} }, peers: ${peer("")} }
  c: { protocol: wireguard, privateKey: { env: CANARY_KEY }, addresses: [10.3.0.2/32], peers: ${peer("")} }
  d: { protocol: socks5, server: "192.0.2.2:1080", auth: { username: me, password: ${CANARIES.password} } }
rules:
  - { destinations: [{ list: "https://me:${CANARIES.userInfo}@lists.example/a?token=${CANARIES.query}" }], via: a }
default: { via: a }
killSwitch: { enabled: true }
`);
}

function expectNone(text: string): void {
  const forms = Object.entries(CANARIES).flatMap(([name, value]) => allForms([value]).map((form) => [name, form]));
  expect(forms.filter(([, form]) => text.includes(form ?? ""))).toEqual([]);
}

test("law 8: awg debug bundle has no secret of any key of the schema, in any form, and is private", {
  timeout: 120_000,
}, () => {
  expect([...secretKeys()].sort()).toEqual(["headerProtectionKey", "password", "presharedKey", "privateKey"]);
  const folder = temporaryFolder("bundle");
  const config = join(folder, "awg.yaml");
  const good = join(folder, "good.yaml");
  writeFileSync(join(folder, "key"), `${CANARIES.file}\n`, { mode: 0o600 });
  writeFileSync(config, textIn(folder), { mode: 0o600 });
  writeFileSync(
    good,
    sampleConfig(`tunnels:
  b: { protocol: wireguard, privateKey: { file: ${join(folder, "key")} }, addresses: [10.2.0.2/32], peers: [{ publicKey: "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }] }
default: { via: b }
killSwitch: { enabled: true }
`),
    { mode: 0o600 },
  );
  const awg = (...words: string[]) =>
    execFileSync(process.execPath, ["--disable-warning=ExperimentalWarning", program(), ...words], {
      cwd: folder,
      env: { ...process.env, CANARY_KEY: CANARIES.env },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  const host = ["--host", `simulated:${join(folder, "machine.json")}`];
  awg("apply", "-f", good, "--auto-approve", ...host);
  const out = join(folder, "bug.tar.gz");
  expect(awg("debug", "bundle", "-f", config, "--out", out, ...host)).toContain("config-1.json, awg-version.json");
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const text = gunzipSync(readFileSync(out)).toString("utf8");
  expectNone(text);
  for (const part of ["awg-status.json", "awg-history-audit.json", '"Protected"', "CANARY_KEY", "192.0.2.1:51820"])
    expect(text).toContain(part);
  const names = execFileSync("tar", ["-tzf", out], { encoding: "utf8" }).trim().split("\n");
  expect(names).toHaveLength(11);
  const part = (name: string) => execFileSync("tar", ["-xzOf", out, name], { encoding: "utf8" });
  for (const name of ["config-1.json", "awg-status.json", "awg-doctor.json"])
    expect(JSON.parse(part(name))).toBeDefined();
  expect(JSON.parse(part("awg-history-audit.json")).entries).toMatchObject([{ request: "apply", result: "applied" }]);
});

test("law 8: a config in a bundle has no comment, and no secret under a wrong key or in a URL", () => {
  const redacted = redactConfig(textIn("/k"));
  expectNone(scrub(JSON.stringify(redacted?.values), []).replace("/k/key", ""));
  expect(redacted?.secrets).toContain(CANARIES.password);
  expect(redactConfig("- not\n- a map\n")).toBeUndefined();
});

test("a known secret is removed from any output in each form of its bytes", () => {
  const bytes = Buffer.alloc(32, 11);
  const output = `hex ${bytes.toString("hex")} url ${bytes.toString("base64url")} text ${CANARIES.inline} vpn://AAAABBBB`;
  expect(scrub(output, allForms([CANARIES.inline]))).toBe("hex (secret) url (secret) text (secret) vpn://(secret)");
});
