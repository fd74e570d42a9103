import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { fileResolver, isFileResolverOurs } from "../../../../src/host/linux/resolver/file-resolver.ts";
import { FILE_HEADER } from "../../../../src/model/ownership.ts";
import type { ResolverSpec } from "../../../../src/model/resources/resolver.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const SPEC: ResolverSpec = { method: "file", servers: ["10.8.0.1", "fd00::1"], search: ["corp.example"], device: "" };
const OTHER: ResolverSpec = { ...SPEC, servers: ["10.8.0.2"], search: [] };
/** Not UTF-8, no newline at the end: byte for byte is meant so. */
const ORIGINAL = Buffer.from([...Buffer.from("nameserver 192.0.2.53\n# caf"), 0xe9]);
const BINDS_SOCKET = "import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
/** Of a number that no driver has claimed. */
const MAKES_DEVICE: readonly string[] = ["sh", "-c", 'mknod "$0" c 240 77'];
const DEVICES: readonly [string, readonly string[], string][] =
  process.geteuid?.() === 0 ? [["a device", MAKES_DEVICE, "not a regular file"]] : [];

let folder = "";
let resolvConf = "";
let original = "";
const port = () => fileResolver({ resolvConf, original });
const makePipe = () => execFileSync("sh", ["-c", 'mkfifo "$0"', resolvConf]);

beforeEach(() => {
  folder = temporaryFolder("t-resolver");
  resolvConf = join(folder, "etc", "resolv.conf");
  original = join(folder, "state", "original.json");
  mkdirSync(join(folder, "etc"));
  writeFileSync(resolvConf, ORIGINAL);
  chmodSync(resolvConf, 0o640);
});

describe("the file resolver", () => {
  test("law 2: reading what is not ours writes nothing", async () => {
    expect(await port().read()).toEqual({
      method: "file",
      servers: ["192.0.2.53"],
      search: [],
      device: "",
      ownedByAwg: false,
    });
    expect(existsSync(original)).toBe(false);
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("the settings are read back, follow our header, and every user may read them", async () => {
    await port().ensure(SPEC);
    expect(await port().read()).toEqual({ ...SPEC, ownedByAwg: true });
    expect(readFileSync(resolvConf, "utf8").split("\n")[0]).toBe(FILE_HEADER);
    expect(statSync(resolvConf).mode & 0o777).toBe(0o644);
  });

  test("law 3: setting it again writes nothing", async () => {
    await port().ensure(SPEC);
    const before = statSync(resolvConf, { bigint: true });
    await port().ensure(SPEC);
    expect(statSync(resolvConf, { bigint: true }).ctimeNs).toBe(before.ctimeNs);
  });

  test.each([
    ["another mode", (text: string) => text.replace('"mode":416', '"mode":438')],
    [
      "another name server",
      (text: string) => text.replace(/"contentBase64":"[^"]*"/, '"contentBase64":"bmFtZXNlcnZlciAxLjIuMy40Cg=="'),
    ],
    ["another path", (text: string) => text.replace("/etc/resolv.conf", "/etc/resolv.conf2")],
    ["no checksum", (text: string) => text.replace(/,"sha256":"[^"]*"/, "")],
  ])("a saved original with %s is not written: an error names it, and both files stay", async (_, change) => {
    await port().ensure(SPEC);
    const [ours, saved] = [readFileSync(resolvConf), readFileSync(original, "utf8")];
    const changed = change(saved);
    expect(changed).not.toBe(saved);
    writeFileSync(original, changed);
    await expect(port().restore()).rejects.toMatchObject({
      kind: "host",
      message: `the saved original of the resolver's file, ${original}, was changed after awg wrote it`,
      remedy: `correct the resolver's file by hand and move ${original} away`,
    });
    expect([readFileSync(resolvConf), readFileSync(original, "utf8")]).toEqual([ours, changed]);
  });

  test("an original of the version before, without a checksum, is restored", async () => {
    await port().ensure(SPEC);
    const { sha256: _, ...saved } = JSON.parse(readFileSync(original, "utf8"));
    writeFileSync(original, JSON.stringify({ ...saved, version: 1 }));
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("law 6: after any number of changes the original is put back byte for byte, mode included", async () => {
    for (const spec of [SPEC, OTHER, SPEC]) await port().ensure(spec);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
    expect(statSync(resolvConf).mode & 0o777).toBe(0o640);
    expect(existsSync(original)).toBe(false);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("law 6: another program's later text is kept by restore, and is the original of the next change", async () => {
    await port().ensure(SPEC);
    writeFileSync(resolvConf, "nameserver 198.51.100.1\n");
    expect(await port().read()).toMatchObject({ ownedByAwg: false, servers: ["198.51.100.1"] });
    await port().ensure(SPEC);
    await port().restore();
    expect(readFileSync(resolvConf, "utf8")).toBe("nameserver 198.51.100.1\n");
    await port().ensure(SPEC);
    writeFileSync(resolvConf, "nameserver 198.51.100.2\n");
    await port().restore();
    expect(readFileSync(resolvConf, "utf8")).toBe("nameserver 198.51.100.2\n");
  });

  test("where there was no file there is none afterwards", async () => {
    rmSync(resolvConf);
    expect(await port().read()).toMatchObject({ servers: [], ownedByAwg: false });
    await port().ensure(SPEC);
    expect(await port().read()).toMatchObject({ ownedByAwg: true });
    await port().restore();
    expect(existsSync(resolvConf)).toBe(false);
  });

  test("a link stays a link; the file behind it is written and put back", async () => {
    const behind = join(folder, "run-resolv.conf");
    writeFileSync(behind, ORIGINAL);
    rmSync(resolvConf);
    symlinkSync("../run-resolv.conf", resolvConf);
    await port().ensure(SPEC);
    expect(lstatSync(resolvConf).isSymbolicLink()).toBe(true);
    expect(readFileSync(behind, "utf8")).toContain("nameserver 10.8.0.1");
    await port().restore();
    expect(readFileSync(behind)).toEqual(ORIGINAL);
    rmSync(behind);
    await port().ensure(SPEC);
    expect(readFileSync(behind, "utf8")).toContain("nameserver 10.8.0.1");
    await port().restore();
    expect(existsSync(behind)).toBe(false);
    expect(lstatSync(resolvConf).isSymbolicLink()).toBe(true);
  });

  test("a link into a folder of everybody, or to nowhere, is refused before anything is written", async () => {
    const open = join(folder, "open");
    mkdirSync(open);
    chmodSync(open, 0o777);
    for (const target of [join(open, "resolv.conf"), join(folder, "none", "resolv.conf")]) {
      rmSync(resolvConf);
      symlinkSync(target, resolvConf);
      await expect(port().ensure(SPEC)).rejects.toMatchObject({ kind: "conflict" });
      expect(existsSync(target)).toBe(false);
      expect(existsSync(original)).toBe(false);
    }
  });

  test.each<readonly [string, readonly string[], string]>([
    ["mkfifo", ["mkfifo"], "not a regular file"],
    ["mkdir", ["mkdir"], "not a regular file"],
    ["ln -s", ["ln", "-s", "resolv.conf"], "a link loop"],
    ["a socket", ["python3", "-c", BINDS_SOCKET], "not a regular file"],
    ...DEVICES,
    ["a link below a file", ["ln", "-s", "/etc/passwd/foo"], "a link through a path that is not a folder"],
    ["a link to a long name", ["ln", "-s", "x".repeat(300)], "a link to a name that is too long"],
  ])("reports what is not a regular file (%s) as an obstacle, and leaves it", async (_, make, what) => {
    await port().ensure(SPEC);
    rmSync(resolvConf);
    const [program = "", ...words] = [...make, resolvConf];
    execFileSync(program, words);
    const obstacle = `${resolvConf}, which is ${what}`;
    expect(await port().read()).toEqual({
      method: "file",
      servers: [],
      search: [],
      device: "",
      ownedByAwg: false,
      obstacle,
    });
    expect(isFileResolverOurs({ resolvConf, original })).toBe(true);
    await expect(port().ensure(SPEC)).rejects.toMatchObject({
      kind: "conflict",
      message: `${resolvConf} is ${what}`,
      remedy: expect.stringContaining("regular file"),
    });
    await port().restore();
    expect(lstatSync(resolvConf).isFile()).toBe(false);
    rmSync(resolvConf, { recursive: true });
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("law 6: an original that a pipe kept from being put back is put back after the next change, too", async () => {
    await port().ensure(SPEC);
    rmSync(resolvConf);
    makePipe();
    await port().restore();
    rmSync(resolvConf);
    await port().ensure(OTHER);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
    expect(statSync(resolvConf).mode & 0o777).toBe(0o640);
    expect(existsSync(original)).toBe(false);
  });

  test("law 6: if our file was removed, the original is restored, before and after a repair", async () => {
    await port().ensure(SPEC);
    rmSync(resolvConf);
    expect(await port().read()).toMatchObject({ servers: [], ownedByAwg: true });
    await port().ensure(SPEC);
    expect(await port().read()).toEqual({ ...SPEC, ownedByAwg: true });
    rmSync(resolvConf);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
    expect(existsSync(original)).toBe(false);
  });

  test("law 6: if our file's link was removed, the file behind it is restored and the link left", async () => {
    const behind = join(folder, "run-resolv.conf");
    const nothing = () => undefined;
    const again = () => port().ensure(SPEC);
    for (const meanwhile of [nothing, again, makePipe]) {
      writeFileSync(behind, ORIGINAL);
      rmSync(resolvConf, { force: true });
      symlinkSync("../run-resolv.conf", resolvConf);
      await port().ensure(SPEC);
      rmSync(resolvConf);
      await meanwhile();
      await port().restore();
      expect(readFileSync(behind)).toEqual(ORIGINAL);
      expect(existsSync(resolvConf)).toBe(meanwhile === makePipe);
      expect(existsSync(original)).toBe(false);
    }
  });

  test("law 6: a file that links led to is put back behind them, though it was removed, and each link is left", async () => {
    const [behind, link] = [join(folder, "run", "file"), join(folder, "run", "link")];
    mkdirSync(join(folder, "run"));
    symlinkSync("run", join(folder, "also-run"));
    symlinkSync("file", link);
    for (const target of ["../also-run/file", "../run/link"]) {
      writeFileSync(behind, ORIGINAL);
      rmSync(resolvConf);
      symlinkSync(target, resolvConf);
      await port().ensure(SPEC);
      rmSync(behind);
      expect(await port().read()).toMatchObject({ servers: [], ownedByAwg: true });
      await port().ensure(SPEC);
      expect(readFileSync(behind, "utf8")).toContain("nameserver 10.8.0.1");
      rmSync(behind);
      await port().restore();
      expect(readFileSync(behind)).toEqual(ORIGINAL);
      expect(existsSync(original)).toBe(false);
      for (const one of [resolvConf, link]) expect(lstatSync(one).isSymbolicLink()).toBe(true);
    }
  });

  test("law 6: where the folder of our file is gone the original stays kept, and is put back once it is there", async () => {
    const run = join(folder, "run");
    mkdirSync(run);
    writeFileSync(join(run, "file"), ORIGINAL);
    rmSync(resolvConf);
    symlinkSync("../run/file", resolvConf);
    await port().ensure(SPEC);
    rmSync(run, { recursive: true });
    const obstacle = `${resolvConf}, which is a link into a folder that does not exist`;
    expect(await port().read()).toMatchObject({ ownedByAwg: false, obstacle });
    await port().restore();
    expect(port().unrestored?.()).toEqual({ obstacle, path: join(run, "file"), place: original, isFile: true });
    mkdirSync(run);
    await port().restore();
    expect(readFileSync(join(run, "file"))).toEqual(ORIGINAL);
    expect(existsSync(original)).toBe(false);
  });

  test("law 5: a write in place that died after cutting the file off is ours to put back", async () => {
    await port().ensure(SPEC);
    writeFileSync(resolvConf, "");
    expect(isFileResolverOurs({ resolvConf, original })).toBe(true);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("law 5: a write in place that died before it cut off the rest is ours to put back, with the next change too", async () => {
    await port().ensure(SPEC);
    const died = Buffer.concat([ORIGINAL, Buffer.from("\n\n\n")]);
    writeFileSync(resolvConf, died);
    expect((await port().read()).ownedByAwg).toBe(true);
    await port().ensure(OTHER);
    writeFileSync(resolvConf, died);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(ORIGINAL);
  });

  test("law 6: a line that another program appended to the original is kept", async () => {
    await port().ensure(SPEC);
    const theirs = Buffer.concat([ORIGINAL, Buffer.from("\noptions edns0\n")]);
    writeFileSync(resolvConf, theirs);
    await port().restore();
    expect(readFileSync(resolvConf)).toEqual(theirs);
  });

  test("law 5: an original that cannot be read is named; nothing is overwritten with half of it", async () => {
    await port().ensure(SPEC);
    writeFileSync(original, '{"version":1,"path":');
    await expect(port().restore()).rejects.toThrow(original);
    expect(await port().read()).toMatchObject({ ownedByAwg: true });
    rmSync(original);
    await expect(port().restore()).rejects.toThrow("the saved original is missing");
  });
});
