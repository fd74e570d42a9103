import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { parseUnitState } from "../../../../src/host/linux/services/systemctl-show.ts";
import { systemdServices } from "../../../../src/host/linux/services/systemd-services.ts";
import { SERVICE_MARK } from "../../../../src/model/ownership.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { FakeSystemctl } from "./fake-systemctl.ts";

const PATH = "/etc/systemd/system/awg.service";
const PLACE = { name: "awg.service", path: PATH };
const spec = (more = "") => ({ ...PLACE, definition: `# ${SERVICE_MARK}\n[Unit]\n${more}`, keepRunning: true });

let root: string;
let systemctl: FakeSystemctl;

function services(over: { namespaced?: boolean; ownPid?: number } = {}) {
  const owner = { mode: 0o644, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const deps = { run: systemctl.run, program: ["/usr/bin/awg"], runDir: "/run/awg", namespaced: false, root, owner };
  return systemdServices({ ...deps, ...over });
}

beforeEach(() => {
  root = temporaryFolder("t-units");
  mkdirSync(join(root, "/etc/systemd/system"), { recursive: true });
  systemctl = new FakeSystemctl(join(root, "/etc/systemd/system"));
});

describe("services by systemd", () => {
  test("without systemd as init, and in a network namespace, there are none, and why is said", async () => {
    expect(await services().readManager()).toEqual({ kind: "none", reason: "systemd is not the init system here" });
    mkdirSync(join(root, "/run/systemd/system"), { recursive: true });
    expect(await services().readManager()).toMatchObject({ kind: "systemd", configFile: "/etc/awg/config.yaml" });
    expect(await services({ namespaced: true }).readManager()).toMatchObject({ kind: "none" });
  });

  test("written, read by the manager, started; a second time nothing is done", async () => {
    await services().ensure(spec());
    expect(systemctl.calls).toEqual(["daemon-reload", "reset-failed -- awg.service", "start -- awg.service"]);
    expect(await services().read(PLACE)).toMatchObject({ loaded: true, running: true, outdated: false, pid: 101 });
    systemctl.calls.length = 0;
    await services().ensure(spec());
    expect(systemctl.calls).toEqual([]);
  });

  test("what runs is listed by name", async () => {
    expect(await services().readRunning?.()).toEqual([]);
    await services().ensure(spec());
    expect(await services().readRunning?.()).toEqual(["awg.service"]);
  });

  test("another text is read by the manager; what runs is not started again", async () => {
    await services().ensure(spec());
    systemctl.calls.length = 0;
    await services().ensure(spec("After=x\n"));
    expect(systemctl.calls).toEqual(["daemon-reload"]);
    expect(await services().read(PLACE)).toMatchObject({ pid: 101, outdated: false });
  });

  test("the live state counts, not the file's: an older text that the manager goes by, a service that stopped", async () => {
    await services().ensure(spec());
    writeFileSync(join(root, PATH), spec("After=y\n").definition);
    expect(await services().read(PLACE)).toMatchObject({ outdated: true });
    await services().control(PLACE, "stop");
    expect(await services().read(PLACE)).toMatchObject({ running: false });
  });

  test("law 6: another program's file, and a masked unit, are conflicts and stay", async () => {
    writeFileSync(join(root, PATH), "[Unit]\n");
    await expect(services().ensure(spec())).rejects.toMatchObject({ kind: "conflict" });
    await expect(services().remove(PLACE)).rejects.toMatchObject({ kind: "conflict" });
    expect(readFileSync(join(root, PATH), "utf8")).toBe("[Unit]\n");
    rmSync(join(root, PATH));
    symlinkSync("/dev/null", join(root, PATH));
    await expect(services().ensure(spec())).rejects.toMatchObject({ kind: "conflict" });
  });

  test("removed with its start at boot; already gone is success", async () => {
    await services().ensure(spec());
    await services().ensureAutostart({ service: "awg.service", enabled: true });
    expect(await services().readAutostart({ service: "awg.service" })).toMatchObject({ enabled: true });
    await services().remove(PLACE);
    expect(existsSync(join(root, PATH))).toBe(false);
    expect(readdirSync(join(root, "/etc/systemd/system"))).toEqual([]);
    expect(await services().read(PLACE)).toMatchObject({ definition: null, loaded: false, running: false });
    systemctl.calls.length = 0;
    await services().remove(PLACE);
    expect(systemctl.calls).toEqual([]);
  });

  test("the service of this process is stopped without waiting for it", async () => {
    await services().ensure(spec());
    await services({ ownPid: 101 }).remove(PLACE);
    expect(systemctl.calls).toContain("stop --no-block -- awg.service");
    expect(existsSync(join(root, PATH))).toBe(false);
  });

  test("what systemctl refuses is an error with its words", async () => {
    systemctl.failing.set("start", "Job for awg.service failed.\n");
    const failed = services().ensure(spec());
    await expect(failed).rejects.toMatchObject({ kind: "host", remedy: "see journalctl -u awg.service" });
    await expect(failed).rejects.toThrow("systemctl start awg.service failed: Job for awg.service failed.");
  });
});

describe("the answer of systemctl show", () => {
  const show = (more: string) => parseUnitState(`LoadState=loaded\nActiveState=failed\nMainPID=0\n${more}`);
  test.each([
    ["never ended", "ExecMainExitTimestampMonotonic=0\nExecMainCode=0\nExecMainStatus=0\n", undefined],
    ["ended", "ExecMainExitTimestampMonotonic=7\nExecMainCode=1\nExecMainStatus=64\n", "exit code 64"],
    ["killed", "ExecMainExitTimestampMonotonic=7\nExecMainCode=2\nExecMainStatus=9\n", "signal 9"],
    ["dumped", "ExecMainExitTimestampMonotonic=7\nExecMainCode=3\nExecMainStatus=11\n", "signal 11"],
    ["cut off", "ExecMainExitTimest", undefined],
  ])("%s", (_name, more, lastExit) => {
    expect(show(more)).toMatchObject({ loaded: true, active: false, pid: undefined, lastExit });
  });

  test("any text is read without an error", () => {
    for (const text of ["", "=", "\n\n", "MainPID=-1", "MainPID=99999999999999999999", "LoadState"]) {
      expect(parseUnitState(text)).toMatchObject({ loaded: false, pid: undefined });
    }
  });
});
