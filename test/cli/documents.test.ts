import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import {
  DOCUMENTS,
  DOCUMENTS_OF_VERB,
  type DocumentName,
  documentJsonSchema,
} from "../../src/cli/documents/documents.ts";
import { VERB_GROUPS } from "../../src/cli/help/verb-groups.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { ROOT } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";
import { schemaCheck } from "../support/json-schema.ts";

const KEY = "uL2p0e6DRyzAEuSjEfZdDvkEO0V7rL5ZOx8d2mSYJ2k=";
const PEER = "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=";
const folder = temporaryFolder("documents");
const program = useBuiltProgram();
const seen = new Set<DocumentName>();

const config = (more = "") => `apiVersion: awg/v1
tunnels:
  office:
    protocol: amneziawg
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.8.0.2/32]
    obfuscation: { s1: 20, s2: 40 }
    peers: [{ publicKey: ${PEER}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: office }
killSwitch: { enabled: true }
dns: { servers: [10.8.0.1] }
${more}`;

beforeAll(() => {
  writeFileSync(join(folder, "key"), `${KEY}\n`, { mode: 0o600 });
  writeFileSync(join(folder, "good.yaml"), config());
  writeFileSync(
    join(folder, "other.yaml"),
    config("rules: [{ name: lan, destinations: [10.1.0.0/16], via: block }]\n"),
  );
  writeFileSync(join(folder, "bad.yaml"), config("kilSwitch: {}\n"));
  writeFileSync(
    join(folder, "wg0.conf"),
    `[Interface]\nPrivateKey = ${KEY}\nAddress = 10.8.0.2/32\nPostUp = x\n[Peer]\nPublicKey = ${PEER}\nEndpoint = 192.0.2.1:51820\nAllowedIPs = 0.0.0.0/0\n`,
    { mode: 0o600 },
  );
});

function awg(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...words], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: folder,
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, stdout, stderr };
}

const HOST = ["--host", "simulated:machine.json"];

/** Fails unless the text fits the published schema and has no field that the schema does not describe. */
function expectDocument(name: DocumentName, text: string): void {
  seen.add(name);
  const published = JSON.parse(readFileSync(join(ROOT, `schema/json/${name}.schema.json`), "utf8"));
  const value: unknown = JSON.parse(text);
  expect(schemaCheck(published)(value), text.slice(0, 2000)).toEqual([]);
  expect(schemaCheck(documentJsonSchema(name, true))(value), text.slice(0, 2000)).toEqual([]);
  expect(keysOf(value).filter((key) => /_|-[a-z]/.test(key) && key !== "formatVersion")).toEqual([]);
}

/** The keys of a document; those of maps are data: paths of settings, names of devices. */
function keysOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(keysOf);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    ["spec", "before", "after", "facts"].includes(key) ? [key] : [key, ...keysOf(one)],
  );
}

function expectStream(text: string): readonly { readonly type: string; readonly at: string }[] {
  const lines = text.trimEnd().split("\n");
  for (const line of lines) expectDocument("json-stream", line);
  return lines.map((line) => JSON.parse(line));
}

describe("every --json document fits its published schema", () => {
  test.each<[DocumentName, readonly string[]]>([
    ["version", ["version"]],
    ["validate", ["validate", "-f", "good.yaml"]],
    ["validate", ["validate", "-f", "bad.yaml"]],
    ["import", ["import", "wg0.conf"]],
    ["render", ["render", "-f", "good.yaml", ...HOST]],
    ["render", ["render", "-f", "good.yaml", "--for", "macos", ...HOST]],
    ["plan", ["plan", "-f", "good.yaml", ...HOST]],
    ["plan", ["plan", "-f", "good.yaml", "--verify", ...HOST]],
    ["diff", ["diff", "-f", "good.yaml", ...HOST]],
    ["status", ["status", ...HOST]],
    ["drift", ["drift", ...HOST]],
    ["history", ["history", ...HOST]],
    ["audit", ["history", "--audit", ...HOST]],
    ["get", ["get", ...HOST]],
    ["apply", ["apply", "-f", "good.yaml", "--auto-approve", ...HOST]],
    ["apply", ["apply", "-f", "other.yaml", "--auto-approve", ...HOST]],
    ["diff", ["diff", "@1", ...HOST]],
    ["diff-generations", ["diff", "@1", "@2", ...HOST]],
    ["status", ["status", ...HOST]],
    ["drift", ["drift", ...HOST]],
    ["history", ["history", ...HOST]],
    ["get", ["get", ...HOST]],
    ["get", ["get", "--desired", ...HOST]],
    ["explain", ["explain", "192.0.2.9:443", ...HOST]],
    ["explain", ["explain", "192.0.2.9", "--protocol", "udp", "--uid", "0", ...HOST]],
    ["verify", ["verify", "-f", "good.yaml", ...HOST]],
    ["doctor", ["doctor", ...HOST]],
    ["capabilities", ["capabilities", ...HOST]],
    ["ps", ["ps", ...HOST]],
    ["ps", ["ps", "-f", "good.yaml", ...HOST]],
    ["apply", ["rollback", "--auto-approve", ...HOST]],
    ["revert", ["revert", ...HOST]],
    ["service", ["service", "status", ...HOST]],
    ["conflicts", ["conflicts", ...HOST]],
    ["install", ["install", "--dry-run", ...HOST]],
    ["install", ["uninstall", "--dry-run", "--force", ...HOST]],
    ["error", ["plan", "-f", "bad.yaml", ...HOST]],
    ["error", ["plan", "-f", "missing.yaml", ...HOST]],
    ["error", ["confirm", ...HOST]],
    ["error", ["rollback", "99", "--auto-approve", ...HOST]],
  ])("%s: awg %j", (name, words) => {
    const { stdout, stderr } = awg(...words, "--json");
    expect(stdout, stderr).not.toBe("");
    expectDocument(name, stdout);
  });

  test("confirm, and the events of an apply on trial", async () => {
    const words = ["apply", "-f", "other.yaml", "--auto-approve", "--confirm-within", "30s", "--json-stream", ...HOST];
    const child = spawn(process.execPath, [program(), ...words], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    const waiting = Promise.withResolvers<void>();
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes('"unconfirmed"')) waiting.resolve();
    });
    const ended = once(child, "exit");
    await Promise.race([waiting.promise, ended]);
    expectDocument("status", awg("status", "--json", ...HOST).stdout);
    const { stdout, stderr } = awg("confirm", "--json", ...HOST);
    expect(stdout, stderr).not.toBe("");
    expectDocument("confirm", stdout);
    expect((await ended)[0]).toBe(0);
    const types = expectStream(text).map(({ type }) => type);
    expect([types[0], types.at(-1)]).toEqual(["version", "result"]);
    expect(types).toContain("batch-start");
    expect(types).toContain("unconfirmed");
  });

  test("the daemon's events", async () => {
    const words = ["daemon", "--foreground", "-f", "good.yaml", "--json", ...HOST];
    const child = spawn(process.execPath, [program(), ...words], { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
    let text = "";
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.includes('"inSync"')) child.kill("SIGTERM");
    });
    await once(child, "exit");
    const lines = text.trimEnd().split("\n");
    for (const line of lines) expectDocument("daemon-event", line);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ type: "version", formatVersion: "1" });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ type: "stopped" });
  });
});

describe("--json-stream", () => {
  test("begins with the version, ends with the result, and every line has a time", () => {
    const events = expectStream(awg("apply", "-f", "other.yaml", "--auto-approve", "--json-stream", ...HOST).stdout);
    expect([events[0]?.type, events.at(-1)?.type]).toEqual(["version", "result"]);
    const times = events.map(({ at }) => Date.parse(at));
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  test.each<[string, readonly string[]]>([
    ["a config with errors", ["apply", "-f", "bad.yaml", "--auto-approve"]],
    ["a time that cannot be read", ["apply", "-f", "good.yaml", "--auto-approve", "--confirm-within", "soon"]],
    ["a namespace that does not exist", ["apply", "-f", "good.yaml", "--auto-approve", "--netns", "awg-none"]],
  ])("of %s begins with the version and ends with the error", (_name, words) => {
    const host = words.includes("--netns") ? [] : HOST;
    const events = expectStream(awg(...words, "--json-stream", ...host).stdout);
    expect(events.map(({ type }) => type)).toEqual(["version", "error"]);
  });

  test("a beat comes while nothing else happens", async () => {
    mkdirSync(join(folder, "beat"));
    const words = ["apply", "-f", "other.yaml", "--auto-approve", "--confirm-within", "6s", "--json-stream"];
    const child = spawn(process.execPath, [program(), ...words, "--host", "simulated:beat/machine.json"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const chunks: string[] = [];
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => chunks.push(chunk));
    expect((await once(child, "exit"))[0]).toBe(9);
    const types = expectStream(chunks.join("")).map(({ type }) => type);
    expect(types).toContain("heartbeat");
    expect(types.at(-1)).toBe("error");
  }, 30_000);
});

test("no document goes without its test, but what needs a real host's processes", () => {
  const unseen = (Object.keys(DOCUMENTS) as DocumentName[]).filter((name) => !seen.has(name));
  expect(unseen).toEqual(["ps-watch", "top"]);
});

test("documents and groups are of verbs that exist, and every verb that is not hidden is in one group", () => {
  const names = VERBS.filter(({ hidden }) => hidden !== true).map(({ name }) => name);
  expect(Object.keys(DOCUMENTS_OF_VERB).filter((name) => !names.includes(name))).toEqual([]);
  expect(VERB_GROUPS.flatMap(({ verbs }) => verbs).toSorted()).toEqual(names.toSorted());
});
