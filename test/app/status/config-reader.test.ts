import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { ConfigReader } from "../../../src/app/load/config-reader.ts";
import { knownConfigIn } from "../../../src/app/load/known-config.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";

let folder = "";
beforeEach(() => {
  folder = temporaryFolder("t");
});

const file = (prefix: string, mode = 0o600) => ({
  name: "/etc/awg/config.yaml",
  text: sampleConfig(`rules: [{ destinations: [${prefix}], via: block }]\ndefault: { via: direct }\n`),
  mode,
});
const reader = () =>
  new ConfigReader(knownConfigIn(folder), {
    host: { kind: "simulated" },
    allowInsecurePermissions: false,
    environment: {},
  });
const knownFile = () => join(folder, "known-config.json");

test("a configuration with the same files is not read again in one process, and any other is", async () => {
  const configs = reader();
  const first = await configs.load([file("192.0.2.0/24")]);
  expect(first.problems).toEqual([]);
  expect(await configs.load([file("192.0.2.0/24")])).toBe(first);
  const edited = await configs.load([file("198.51.100.0/24")]);
  expect(JSON.stringify(edited.config)).toContain("198.51.100.0/24");
  // Back to what it was: that is read again, for only the last is remembered.
  const back = await configs.load([file("192.0.2.0/24")]);
  expect(back).toEqual(first);
  expect(back).not.toBe(first);
  expect(await configs.load([file("192.0.2.0/24", 0o644)])).not.toBe(back);
  expect((await configs.load([{ ...file("192.0.2.0/24"), text: "apiVersion: awg/v0" }])).config).toBeUndefined();
});

test("a configuration that includes a folder is read again each time: another file may be in it", async () => {
  mkdirSync(join(folder, "conf.d"));
  const main = {
    name: join(folder, "config.yaml"),
    text: sampleConfig("include: [conf.d]\ndefault: { via: direct }\n"),
    mode: 0o600,
  };
  const configs = reader();
  expect((await configs.load([main])).problems).toEqual([]);
  configs.remember();
  writeFileSync(join(folder, "conf.d", "a.yaml"), "rules: [{ destinations: [192.0.2.0/24], via: block }]\n", {
    mode: 0o600,
  });
  for (const one of [configs, reader()])
    expect(JSON.stringify((await one.load([main])).config)).toContain("192.0.2.0/24");
});

test("what was applied is written down for the next start once, and again when it was edited", async () => {
  const configs = reader();
  await configs.load([file("192.0.2.0/24")]);
  expect(existsSync(knownFile())).toBe(false);
  configs.remember();
  expect(existsSync(knownFile())).toBe(true);
  rmSync(knownFile());
  await configs.load([file("192.0.2.0/24")]);
  configs.remember();
  expect(existsSync(knownFile())).toBe(false);
  await configs.load([file("198.51.100.0/24")]);
  configs.remember();
  expect(existsSync(knownFile())).toBe(true);
  const next = reader();
  const known = await next.load([file("198.51.100.0/24")]);
  rmSync(knownFile());
  expect(await next.load([file("198.51.100.0/24")])).toBe(known);
});
