import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { bundlesAround } from "../../../../src/host/darwin/processes/bundles.ts";
import { darwinProcesses } from "../../../../src/host/darwin/processes/darwin-processes.ts";
import type { ProcessPort } from "../../../../src/host/ports/processes.ts";
import type { Program } from "../../../../src/model/program/program.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { FakeMachine } from "../fake/machine.ts";
import type { FakeSignature } from "../fake/processes/code-signing.ts";
import type { FakeProcessList } from "../fake/processes/process-list.ts";

const HELPER =
  "/Applications/Browser.app/Contents/Frameworks/Browser Framework.framework/Versions/9/Helpers/Browser Helper.app/Contents/MacOS/Browser Helper";

describe("bundles around a file", () => {
  test.each([
    [
      HELPER,
      [
        "/Applications/Browser.app/Contents/Frameworks/Browser Framework.framework/Versions/9/Helpers/Browser Helper.app",
        "/Applications/Browser.app",
      ],
    ],
    ["/System/Library/X.xpc/Contents/MacOS/X", ["/System/Library/X.xpc"]],
    ["/Applications/Browser.app/Wrapper/x", []],
    ["/Applications/Browser.app/Contents", []],
    ["/opt/app/Contents/MacOS/x", []],
    ["/usr/bin/curl", []],
  ])("%s", (path, bundles) => {
    expect(bundlesAround(path)).toEqual(bundles);
  });
});

describe("programs of bundles on a Mac", () => {
  let root: string;
  let kernel: FakeProcessList;
  let port: ProcessPort;
  let nowMs: number;

  beforeEach(() => {
    root = temporaryFolder("bundles");
    const machine = new FakeMachine();
    kernel = machine.processes;
    nowMs = 0;
    const every = () => ({ [Symbol.dispose]: () => {} });
    port = darwinProcesses({ system: new FakeLibSystem(machine), nowMs: () => nowMs, every, root });
  });

  function informationFile(bundle: string): string {
    const path = join(root, bundle, "Contents", "Info.plist");
    mkdirSync(dirname(path), { recursive: true });
    return path;
  }
  function bundle(path: string, id: string): void {
    const text = `<plist><dict><key>CFBundleIdentifier</key><string>${id}</string></dict></plist>`;
    writeFileSync(informationFile(path), text);
  }
  function program(path: string, signature?: FakeSignature): Program | undefined {
    kernel.add({ pid: 300, path, ...(signature === undefined ? {} : { signature }) });
    return port.read(300);
  }

  test("a helper is of its own bundle and of the browser's", () => {
    bundle("/Applications/Browser.app", "com.example.browser");
    bundle(bundlesAround(HELPER)[0] ?? "", "com.example.browser.helper");
    expect(program(HELPER)?.bundleIds).toEqual(["com.example.browser.helper", "com.example.browser"]);
  });

  test("a bundle is read once in ten seconds, and has no identifier where its file names none", () => {
    bundle("/Applications/Browser.app", "com.example.browser");
    const path = "/Applications/Browser.app/Contents/MacOS/Browser";
    expect(program(path)?.bundleIds).toEqual(["com.example.browser"]);
    writeFileSync(informationFile("/Applications/Browser.app"), "not a property list");
    nowMs = 9_999;
    expect(program(path)?.bundleIds).toEqual(["com.example.browser"]);
    nowMs = 10_000;
    expect(program(path)?.bundleIds).toEqual([]);
  });

  test("a pipe, a link or a huge file in the place of Info.plist blocks nothing, and that is reported", () => {
    const made: Readonly<Record<string, (path: string) => void>> = {
      "/tmp/Pipe.app": (path) => execFileSync("/usr/bin/mkfifo", [path]),
      "/tmp/Link.app": (path) => symlinkSync("/etc/hostname", path),
      "/tmp/Huge.app": (path) => writeFileSync(path, new Uint8Array((1 << 20) + 1)),
    };
    for (const [place, make] of Object.entries(made)) {
      make(informationFile(place));
      expect(program(`${place}/Contents/MacOS/x`), place).not.toHaveProperty("bundleIds");
    }
    expect(port.list().unseen).toEqual(["the bundles of 1 program, which have no readable Info.plist"]);
  });

  test.each([
    [
      "a team that Apple certified",
      { flags: ["CS_VALID", "CS_SIGNED"], category: 6, team: "43AQ936H96" },
      "43AQ936H96",
    ],
    ["Apple's own", { flags: ["CS_VALID", "CS_SIGNED", "CS_PLATFORM_BINARY"], category: 1 }, "apple"],
    [
      "a team that it only claims",
      { flags: ["CS_VALID", "CS_SIGNED", "CS_ADHOC"], category: 7, team: "43AQ936H96" },
      null,
    ],
    ["a debugger may change it", { flags: ["CS_SIGNED", "CS_DEBUGGED"], category: 6, team: "43AQ936H96" }, null],
    ["certified, without a team", { flags: ["CS_VALID", "CS_SIGNED"], category: 6 }, null],
    ["never signed", undefined, null],
  ] as const)("a signer: %s", (_what, signature, signer) => {
    expect(program("/opt/x", signature)?.signer).toBe(signer);
  });

  test("before macOS 13 the kernel does not report who certified a team, and that is said", () => {
    const signature = { flags: ["CS_VALID", "CS_SIGNED"], team: "43AQ936H96" };
    expect(program("/opt/x", signature)).not.toHaveProperty("signer");
    expect(port.list().unseen).toEqual(["the signers of 1 program, which the kernel did not report"]);
  });

  test("a process with a number that changes hands while its signature is read is no process", () => {
    kernel.onLook = (pid, call) => {
      if (call === "CS_OPS_STATUS") kernel.add({ pid, uniqueId: 9999n });
    };
    expect(program("/opt/x")).toBeUndefined();
  });
});
