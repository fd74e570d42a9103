import { cpSync, existsSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const reason = namespaceObstacle();
const ORIGINAL = "nameserver 192.0.2.53\n# of this machine\n";

let space: TestNamespace;
let folder = "";
let inode = 0;
const at = (name: string): string => join(folder, name);
const program = useBuiltProgram();

/** awg in a mount namespace of its own, where /etc is this test's. */
function awg(...words: readonly string[]) {
  const inside = 'mount --bind "$1" /etc; shift; exec "$@"';
  const started = [process.execPath, "--disable-warning=ExperimentalWarning", program(), ...words];
  const argv = ["unshare", "--mount", "sh", "-ec", inside, "sh", at("etc"), ...started, "--state-dir", at("state")];
  return space.run(argv, { mayFail: true });
}

describe.skipIf(reason !== undefined)(`a destroy${reason === undefined ? "" : ` (skipped: ${reason})`}`, () => {
  beforeEach(() => {
    space = makeNamespace("kept");
    inode = statSync(`/run/netns/${space.name}`).ino;
    folder = temporaryFolder("kept");
    cpSync("/etc/passwd", at("etc/passwd"));
    writeFileSync(at("etc/resolv.conf"), ORIGINAL);
    writeFileSync(
      at("config.yaml"),
      sampleConfig("default: { via: direct }\ndns: { servers: [192.0.2.9], via: direct }\n"),
    );
    space.run(["ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1"]);
    for (const line of ["address add 192.0.2.2/24 dev v0", "link set v0 up", "link set v1 up"])
      space.run(["ip", ...line.split(" ")]);
    space.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    expect(awg("apply", "-f", at("config.yaml"), "--auto-approve")).toMatchObject({ status: 0 });
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toContain("192.0.2.9");
  });
  afterEach(() => {
    awg("destroy", "--auto-approve");
    const pids = space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean).map(Number);
    for (const pid of pids) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It was the listing itself.
      }
    }
    space[Symbol.dispose]();
    for (const left of [`netns-${inode}`, `lock.${inode}`])
      rmSync(`/run/awg/${left}`, { recursive: true, force: true });
  });

  test("says that all is back where it is", () => {
    expect(awg("destroy", "--auto-approve").stdout).toContain("The host's own settings are restored");
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
  });

  test("that finds a folder instead of resolv.conf says where the original is kept; the next one restores it", () => {
    rmSync(at("etc/resolv.conf"));
    cpSync(at("config.yaml"), at("etc/resolv.conf/any"));
    const { status, stdout, stderr } = awg("destroy", "--auto-approve");
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).toContain("Destroyed, except for /etc/resolv.conf, which is not a regular file");
    expect(stdout).toContain(`is kept in ${at("state/resolver/original.json")}; remove the obstacle`);
    expect(stdout).not.toContain("settings are restored");
    expect(JSON.parse(awg("destroy", "--auto-approve", "--json").stdout)).toMatchObject({
      kept: expect.stringContaining("the next awg apply or destroy restores it"),
    });
    rmSync(at("etc/resolv.conf/any"));
    rmdirSync(at("etc/resolv.conf"));
    expect(awg("destroy", "--auto-approve").stdout).toContain("settings are restored");
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
    expect(awg("destroy", "--auto-approve").stdout).toContain("Nothing to destroy");
  });

  test("after one that found a pipe there, and another apply, restores the first original", () => {
    rmSync(at("etc/resolv.conf"));
    space.run(["mkfifo", at("etc/resolv.conf")]);
    expect(awg("destroy", "--auto-approve").stdout).toContain("Destroyed, except for /etc/resolv.conf");
    rmSync(at("etc/resolv.conf"));
    expect(awg("apply", "-f", at("config.yaml"), "--auto-approve")).toMatchObject({ status: 0 });
    expect(awg("destroy", "--auto-approve").stdout).toContain("settings are restored");
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
  });

  test("restores the original if awg's file was removed, repaired or not", () => {
    const apply = () => awg("apply", "-f", at("config.yaml"), "--auto-approve");
    for (const repair of [apply, () => ({ status: 0 })]) {
      rmSync(at("etc/resolv.conf"));
      expect(repair()).toMatchObject({ status: 0 });
      expect(awg("destroy", "--auto-approve").stdout).toContain("settings are restored");
      expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
      expect(apply()).toMatchObject({ status: 0 });
    }
  });

  test("that may not write resolv.conf says that it failed, and which file it is", (context) => {
    const chattr = (flag: string) => space.run(["chattr", flag, at("etc/resolv.conf")], { mayFail: true }).status === 0;
    if (!chattr("+i")) return context.skip("this file system knows no immutable files");
    try {
      const { status, stderr } = awg("destroy", "--auto-approve");
      expect(status).toBe(4);
      expect(stderr).toContain(
        "awg: destroy failed and was rolled back: restoring the resolver was refused at /etc/resolv.conf (EPERM)",
      );
    } finally {
      chattr("-i");
    }
    expect(awg("destroy", "--auto-approve").stdout).toContain("settings are restored");
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
  });

  test("keeps what another program wrote over awg's file, and forgets the original", () => {
    writeFileSync(at("etc/resolv.conf"), "nameserver 198.51.100.1\n");
    const { status, stdout } = awg("destroy", "--auto-approve");
    expect({ status, stdout }).toMatchObject({ status: 0 });
    expect(stdout).toContain(
      "Destroyed, except for the resolver's file, which another program rewrote: it stays as it is",
    );
    expect(stdout).not.toContain("settings are restored");
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe("nameserver 198.51.100.1\n");
    rmSync(at("etc/resolv.conf"));
    expect(awg("destroy", "--auto-approve").stdout).toContain("Nothing to destroy");
    expect(existsSync(at("etc/resolv.conf"))).toBe(false);
  });

  test("an apply without dns that finds a folder there says so too; the next apply restores the original", () => {
    const plain = at("plain.yaml");
    writeFileSync(plain, sampleConfig("default: { via: direct }\n"));
    const apply = (...words: readonly string[]) => awg("apply", "-f", plain, "--auto-approve", ...words);
    rmSync(at("etc/resolv.conf"));
    cpSync(at("config.yaml"), at("etc/resolv.conf/any"));
    expect(apply().stdout).toMatch(
      /^Applied .* Not put back: \/etc\/resolv.conf, which is not a regular file.*: the original .* is kept in .*; remove the obstacle and the next awg apply --state-dir \S+ or destroy restores it$/m,
    );
    expect(JSON.parse(apply("--json").stdout)).toMatchObject({ kept: expect.stringContaining("remove the obstacle") });
    rmSync(at("etc/resolv.conf/any"));
    rmdirSync(at("etc/resolv.conf"));
    const { stdout } = apply();
    expect(readFileSync(at("etc/resolv.conf"), "utf8")).toBe(ORIGINAL);
    expect(stdout).not.toContain("Not put back");
  });
});
