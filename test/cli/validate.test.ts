import { spawnSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KEY_A } from "../resources/sample.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

test("awg validate reports a key file that a plan would refuse, and of none that is not here", () => {
  const folder = temporaryFolder("validate");

  const [file, key] = [join(folder, "awg.yaml"), join(folder, "a.key")];
  const peers = `peers: [{ publicKey: ${KEY_A}, allowedIPs: [10.0.0.0/8] }]`;
  const tunnel = (path: string) => `{ protocol: wireguard, privateKey: { file: ${path} }, ${peers} }`;
  const text = sampleConfig(`tunnels:\n  a: ${tunnel(key)}\n  b: ${tunnel(`${key}.none`)}\n`);
  const inherited = `  c: { protocol: wireguard, privateKey: { env: toString }, ${peers} }\n`;
  writeFileSync(file, `${text}${inherited}default: { via: direct }\n`, { mode: 0o600 });
  writeFileSync(key, `${KEY_A}\n`, { mode: 0o600 });
  const awg = (...more: string[]) => {
    const words = ["--disable-warning=ExperimentalWarning", program(), "validate", "-f", file];
    return spawnSync(process.execPath, [...words, ...more], { encoding: "utf8", timeout: 60_000 });
  };
  const said = `${file}:3:41: the secret file ${key} can be read by others (mode 0644)`;
  const quiet = { status: 0, stdout: "The config is valid.\n" };
  const missing = [
    `${file}:4:41: the secret file ${key}.none does not exist here`,
    `${file}:5:41: the environment variable toString is not set here`,
  ];
  const notes = missing.map((line) => `note: ${line}; awg plan needs it\n`).join("");
  expect(awg()).toMatchObject({ ...quiet, stderr: notes });
  chmodSync(key, 0o644);
  expect(awg()).toMatchObject({
    ...quiet,
    stderr: `note: a plan here is refused: ${said}; run chmod go= ${key}, or add --allow-insecure-permissions\n${notes}`,
  });
  expect(JSON.parse(awg("--json").stdout)).toMatchObject({
    valid: true,
    refusedSecrets: [expect.stringContaining(said)],
    missingSecrets: missing,
  });
  expect(awg("--strict").status).toBe(3);
  expect(awg("--allow-insecure-permissions")).toMatchObject({ ...quiet, stderr: notes });
});
