import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SecretId } from "../../src/model/secret.ts";
import { SecretStore } from "../../src/state/secret-store.ts";
import { temporaryFolder } from "../support/folder.ts";

const KEY = Buffer.alloc(32, 7);
const KEY_TEXT = KEY.toString("base64");
const OPTIONS = { environment: { PSK: KEY_TEXT, EMPTY: " " }, allowInsecurePermissions: false };

function storeIn(path: string, options = OPTIONS): SecretStore {
  return new SecretStore(path, options);
}

function keyFile(folder: string, text = `${KEY_TEXT}\n`, mode = 0o600): string {
  const path = join(folder, "office.key");
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

describe("secrets", () => {
  test("one secret has one id, however it is referenced; another secret has another", () => {
    const folder = temporaryFolder();
    const store = storeIn(join(folder, "state"));
    const id = store.resolveKey({ file: keyFile(folder) });
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(store.resolveKey({ env: "PSK" })).toBe(id);
    expect(store.resolveKey({ inline: KEY_TEXT })).toBe(id);
    expect(store.idOf(KEY)).toBe(id);
    expect(store.idOf(Buffer.alloc(32, 8))).not.toBe(id);
    expect(Buffer.from(store.bytesOf(id))).toEqual(KEY);
  });

  test("of two processes that begin on an empty folder, the second plans again", async () => {
    const path = join(temporaryFolder(), "state");
    const [first, second] = [storeIn(path), storeIn(path)];
    const id = first.idOf(KEY);
    expect(second.idOf(KEY)).not.toBe(id);
    await first.persist();
    await expect(second.persist()).rejects.toMatchObject({ kind: "stale-plan" });
    expect(second.idOf(KEY)).toBe(id);
    await second.persist();
    expect(Buffer.from(storeIn(path).bytesOf(id))).toEqual(KEY);
  });

  test("law 2: resolving writes nothing", () => {
    const path = join(temporaryFolder(), "state");
    storeIn(path).idOf(KEY);
    expect(existsSync(path)).toBe(false);
  });

  test("persisting keeps the ids of this process, as HMAC-SHA256 under the machine's key, in private files", async () => {
    const path = join(temporaryFolder(), "state");
    const store = storeIn(path);
    const id = store.idOf(KEY);
    await store.persist();
    await store.persist();
    const machineKey = readFileSync(join(path, "machine.key"));
    expect(createHmac("sha256", machineKey).update(KEY).digest("hex")).toBe(id);
    expect(readdirSync(join(path, "secrets"))).toEqual([id]);
    expect(lstatSync(join(path, "secrets", id)).mode & 0o777).toBe(0o600);
    expect(lstatSync(join(path, "machine.key")).mode & 0o777).toBe(0o600);
    const later = storeIn(path);
    expect(Buffer.from(later.bytesOf(id))).toEqual(KEY);
    expect(later.idOf(KEY)).toBe(id);
  });

  test("pruning removes only unreferenced secrets", async () => {
    const path = join(temporaryFolder(), "state");
    const store = storeIn(path);
    const kept = store.idOf(KEY);
    store.idOf(Buffer.alloc(32, 9));
    await store.persist();
    writeFileSync(join(path, "secrets", "README"), "not ours");
    await store.prune(new Set([kept]));
    expect(readdirSync(join(path, "secrets"))).toEqual([kept, "README"].sort());
  });

  test("a secret replaced under its id is refused", async () => {
    const path = join(temporaryFolder(), "state");
    const store = storeIn(path);
    const id = store.idOf(KEY);
    await store.persist();
    writeFileSync(join(path, "secrets", id), Buffer.alloc(32, 1));
    expect(() => storeIn(path).bytesOf(id)).toThrow(/not the secret its name says/);
    expect(() => storeIn(path).bytesOf("../machine.key" as SecretId)).toThrow(/not in the secret store/);
  });

  test("a machine key of another length is refused, not replaced", async () => {
    const path = join(temporaryFolder(), "state");
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, "machine.key"), "short", { mode: 0o600 });
    expect(() => storeIn(path).idOf(KEY)).toThrow(/5 bytes instead of 32/);
    await expect(storeIn(path).persist()).resolves.toBe(false);
    expect(readFileSync(join(path, "machine.key"), "utf8")).toBe("short");
    writeFileSync(join(path, "machine.key"), "", { mode: 0o600 });
    expect(() => storeIn(path).idOf(KEY)).toThrow(/machine\.key is empty instead of 32 bytes/);
  });
});

describe("sources of a secret", () => {
  test("a file that others can read is refused unless that is allowed", () => {
    const folder = temporaryFolder();
    const file = keyFile(folder, KEY_TEXT, 0o640);
    expect(() => storeIn(join(folder, "s")).resolveKey({ file })).toThrow(/mode 0640/);
    const lax = storeIn(join(folder, "s"), { ...OPTIONS, allowInsecurePermissions: true });
    expect(Buffer.from(lax.bytesOf(lax.resolveKey({ file })))).toEqual(KEY);
  });

  test("a FIFO, a device and a folder are refused without waiting for them", () => {
    const folder = temporaryFolder();
    const fifo = join(folder, "fifo");
    execFileSync("/usr/bin/mkfifo", ["-m", "600", fifo]);
    const store = storeIn(join(folder, "s"));
    for (const file of [fifo, "/dev/zero", folder])
      expect(() => store.resolveKey({ file })).toThrow(/not a regular file/);
  });

  test("a symbolic link to a private file is followed", () => {
    const folder = temporaryFolder();
    symlinkSync(keyFile(folder), join(folder, "link"));
    expect(() => storeIn(join(folder, "s")).resolveKey({ file: join(folder, "link") })).not.toThrow();
  });

  test("law 8: no error repeats what it read", () => {
    const folder = temporaryFolder();
    const store = storeIn(join(folder, "s"));
    const secret = "hunter2-not-a-key";
    for (const ref of [{ file: keyFile(folder, secret) }, { inline: secret }]) {
      try {
        store.resolveKey(ref);
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify([String(error), error])).not.toContain("hunter2");
        expect(error).toMatchObject({ kind: "config" });
      }
    }
  });

  test.each([
    [{ file: "/nonexistent/key" }, /does not exist/],
    [{ env: "ABSENT" }, /is not set/],
    [{ env: "EMPTY" }, /is not set/],
    [{ keychain: "office" }, /no keychain/],
    [{ inline: KEY_TEXT.slice(4) }, /is not a key/],
    // Base64 whose last digit has bits that no byte holds.
    [{ inline: `${KEY_TEXT.slice(0, 42)}d=` }, /is not a key/],
  ] as const)("%j is refused with the reason", (ref, message) => {
    expect(() => storeIn(join(temporaryFolder(), "s")).resolveKey(ref)).toThrow(message);
  });

  test("a file too large for a secret is refused", () => {
    const folder = temporaryFolder();
    const file = keyFile(folder, "x".repeat(70_000));
    expect(() => storeIn(join(folder, "s")).resolveKey({ file })).toThrow(/too many for a secret/);
  });
});

test("a private key has one id, clamped or not; a preshared key keeps its bits", () => {
  const store = storeIn(join(temporaryFolder(), "s"));
  const loose = Buffer.alloc(32, 0xff);
  const clamped = Buffer.from(loose);
  clamped[0] = 0xf8;
  clamped[31] = 0x7f;
  const inline = (key: Buffer) => ({ inline: key.toString("base64") });
  expect(store.resolvePrivateKey(inline(loose))).toBe(store.resolvePrivateKey(inline(clamped)));
  expect(store.resolveKey(inline(loose))).not.toBe(store.resolveKey(inline(clamped)));
});
