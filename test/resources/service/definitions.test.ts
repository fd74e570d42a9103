import { spawnSync } from "node:child_process";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeEach, describe, expect, test } from "vitest";
import { renderBootTable } from "../../../src/host/linux/nft/render/boot-table.ts";
import type { ServiceManager } from "../../../src/host/ports/services.ts";
import { bearsMark } from "../../../src/model/ownership.ts";
import type { Resource } from "../../../src/model/resource.ts";
import type { ServiceSpec } from "../../../src/model/resources/service.ts";
import { wantedServices } from "../../../src/resources/service/wanted-services.ts";
import { temporaryFolder } from "../../support/folder.ts";

const TOOLS = fileURLToPath(new URL("../../../.toolchain/service-tools", import.meta.url));
const ANALYZE = ["/usr/bin/systemd-analyze", `${TOOLS}/usr/bin/systemd-analyze`].find((one) =>
  canRun(one, "--version"),
);
const PLISTUTIL = ["/usr/bin/plistutil", `${TOOLS}/usr/bin/plistutil`].find((one) => canRun(one, "--version"));
const PROGRAM = ["/bin/sh", "--title=50% of $HOME", "/opt/a b/awg.cjs"];
const ASKED = {
  service: { install: true, autostart: true, notifications: true },
  killSwitch: { enabled: true, atBoot: false, persist: true, allowLan: false, allow: [] },
};

function libraries(): string {
  return [...globSync(`${TOOLS}/usr/lib/*/systemd`), ...globSync(`${TOOLS}/usr/lib/*`)].join(":");
}

function canRun(program: string, ...args: string[]): boolean {
  return (
    spawnSync(program, args, { env: { ...process.env, LD_LIBRARY_PATH: libraries() }, timeout: 20_000 }).status === 0
  );
}

function manager(kind: ServiceManager["kind"]): ServiceManager {
  const agent = { uid: 501, home: "/Users/alice" };
  return { kind, program: PROGRAM, configFile: "/etc/awg/config.yaml", runDir: "/run/awg", agent };
}

function wanted(kind: ServiceManager["kind"], atBoot = false): readonly Resource[] {
  const config = { ...ASKED, killSwitch: { ...ASKED.killSwitch, atBoot } };
  return wantedServices(config, manager(kind), renderBootTable()).resources;
}

/** The units of a config that opens the API to a group and over HTTP. */
function wantedApi(): readonly Resource[] {
  const api = { group: "net admin", http: { host: "::1", port: 1777 } };
  return wantedServices({ ...ASKED, api }, manager("systemd"), undefined).resources;
}

function specs(resources: readonly Resource[]): readonly ServiceSpec[] {
  return resources.flatMap((one) => (one.kind === "service" ? [one.spec] : []));
}

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("t-definitions");
});

describe("definitions of services", () => {
  test("each has our mark, and reading it back finds nothing to do", () => {
    for (const one of [...specs(wanted("systemd", true)), ...specs(wanted("launchd"))]) {
      expect(bearsMark(one.definition)).toBe(true);
    }
  });

  test("systemd: keeper, daemon, API and boot, with what starts at boot", () => {
    expect(wanted("systemd", true).map(({ key }) => key)).toEqual([
      "service/keeper",
      "service/daemon",
      "autostart/daemon",
      "service/api",
      "service/api-socket",
      "autostart/api-socket",
      "service/boot",
      "autostart/boot",
    ]);
  });

  test.skipIf(ANALYZE === undefined)("systemd-analyze verify finds no fault with the units", () => {
    const files = [...specs(wanted("systemd", true)), ...specs(wantedApi())].map(({ name, definition }) => {
      writeFileSync(join(folder, name), definition);
      return join(folder, name);
    });
    const env = { ...process.env, LD_LIBRARY_PATH: libraries(), SYSTEMD_LOG_LEVEL: "notice" };
    const verified = spawnSync(ANALYZE ?? "", ["verify", "--man=no", ...files], {
      encoding: "utf8",
      env,
      timeout: 60_000,
    });
    const ofOurs = verified.stderr.split("\n").filter((line) => line.includes("awg"));
    expect(ofOurs).toEqual([]);
    writeFileSync(join(folder, "awg.service"), "[Service]\nExecStart=relative\n");
    const broken = spawnSync(ANALYZE ?? "", ["verify", "--man=no", join(folder, "awg.service")], {
      encoding: "utf8",
      env,
    });
    expect(broken.stderr).toContain("awg.service");
  });

  test.skipIf(ANALYZE === undefined)("systemd-analyze security: root's services at most 7.0, the gateway 1.5", () => {
    const services = specs(wantedApi()).filter(({ name }) => name.endsWith(".service"));
    const rated = services.map(({ name, definition }) => {
      writeFileSync(join(folder, name), definition);
      const words = ["security", "--offline=true", "--no-pager", join(folder, name)];
      const env = { ...process.env, LD_LIBRARY_PATH: libraries(), LC_ALL: "C" };
      const { stdout } = spawnSync(ANALYZE ?? "", words, { encoding: "utf8", env, timeout: 60_000 });
      const exposure = Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(stdout)?.[1]);
      return { name, isLow: exposure > 0 && exposure <= (name === "awg-gateway.service" ? 1.5 : 7) };
    });
    expect(rated).toEqual([
      { name: "awg-keeper.service", isLow: true },
      { name: "awg.service", isLow: true },
      { name: "awg-api.service", isLow: true },
      { name: "awg-gateway.service", isLow: true },
    ]);
  });

  test("api: its group reaches program and socket, its address the gateway", () => {
    const text = (name: string) => specs(wantedApi()).find((one) => one.name === name)?.definition;
    expect(text("awg-api.service")).toContain('api --idle 10m --group "net admin"\n');
    expect(text("awg-api.socket")).toContain('ExecStartPost=-chgrp "net admin" /run/awg/awg.sock\n');
    expect(text("awg-gateway.service")).toContain(`gateway --listen "[::1]:1777"\n`);
    expect(specs(wanted("systemd")).map(({ name }) => name)).not.toContain("awg-gateway.service");
    expect(wantedApi().map(({ key }) => key)).toContain("autostart/gateway");
  });

  test("the words of the program reach it as they are", () => {
    const daemon = specs(wanted("systemd")).find(({ name }) => name === "awg.service");
    expect(daemon?.definition).toContain(
      'ExecStart=/bin/sh "--title=50%% of $$HOME" "/opt/a b/awg.cjs" daemon --foreground --notify -f /etc/awg/config.yaml\n',
    );
  });

  test("the API and its gateway have a small heap, the daemon a small young generation, and no other service", () => {
    const api = { http: { host: "127.0.0.1", port: 1777 } };
    const program = ["/usr/bin/node", "/opt/awg.cjs"];
    const { resources } = wantedServices({ ...ASKED, api }, { ...manager("systemd"), program }, undefined);
    const small = specs(resources).filter(({ definition }) => definition.includes("--max-old-space-size=96"));
    expect(small.map(({ name }) => name)).toEqual(["awg-api.service", "awg-gateway.service"]);
    const young = specs(resources).filter(({ definition }) => definition.includes("--max-semi-space-size=1 "));
    expect(young.map(({ name }) => name)).toEqual(["awg.service"]);
  });

  test("the boot unit holds the boot table, line for line", () => {
    const boot = specs(wanted("systemd", true)).find(({ name }) => name === "awg-boot.service");
    const held = (boot?.definition ?? "")
      .split("\n")
      .filter((line) => line.startsWith("StandardInputText="))
      .map((line) => line.slice("StandardInputText=".length));
    const table = renderBootTable()
      .split("\n")
      .map((line) => line.trim());
    expect(held).toEqual(table.filter((line) => line !== "" && !line.startsWith("#")));
    expect(held.length).toBeGreaterThan(20);
  });

  test("launchd: labels, paths and keys that Macs have had from the first", () => {
    const found = Object.fromEntries(specs(wanted("launchd")).map((one) => [one.path, one]));
    expect(Object.keys(found)).toEqual([
      "/Library/LaunchDaemons/com.awg.split-tunnel.keeper.plist",
      "/Library/LaunchDaemons/com.awg.split-tunnel.plist",
      "/Library/LaunchDaemons/com.awg.split-tunnel.api.plist",
      "/Users/alice/Library/LaunchAgents/com.awg.split-tunnel.gui.plist",
    ]);
    const daemon = found["/Library/LaunchDaemons/com.awg.split-tunnel.plist"]?.definition ?? "";
    for (const key of ["StandardOutPath", "StandardErrorPath"]) {
      expect(daemon).toContain(`<key>${key}</key>\n\t<string>/var/log/awg-split-tunnel.log</string>`);
    }
    for (const key of ["RunAtLoad", "KeepAlive"]) expect(daemon).toContain(`<key>${key}</key>\n\t<true/>`);
    const window = found["/Users/alice/Library/LaunchAgents/com.awg.split-tunnel.gui.plist"];
    expect(window).toMatchObject({ uid: 501, keepRunning: false });
    expect(window?.definition).toContain("<key>LimitLoadToSessionType</key>\n\t<string>Aqua</string>");
    expect(window?.definition).toContain("/Applications/AWG Split Tunnel.app/Contents/MacOS/awg-split-tunnel-gui");
  });

  test.skipIf(PLISTUTIL === undefined)("plistutil reads the plists: in its binary form they say the same", () => {
    const env = { ...process.env, LD_LIBRARY_PATH: libraries() };
    const convert = (from: string, to: string, format: string) =>
      spawnSync(PLISTUTIL ?? "", ["-i", from, "-o", to, "-f", format], { env, timeout: 20_000 }).status;
    for (const { name, definition } of specs(wanted("launchd"))) {
      const [text, binary, back] = ["plist", "binary", "back"].map((kind) => join(folder, `${name}.${kind}`)) as [
        string,
        string,
        string,
      ];
      writeFileSync(text, definition);
      expect([convert(text, binary, "bin"), convert(binary, back, "xml")]).toEqual([0, 0]);
      expect(readFileSync(binary, "latin1").slice(0, 8)).toBe("bplist00");
      const withoutMark = definition.split("\n").filter((line) => !line.startsWith("<!--"));
      expect(readFileSync(back, "utf8").trim()).toBe(withoutMark.join("\n").trim());
    }
  });
});

describe("what cannot be had is said by its place", () => {
  const refused = (
    config: Parameters<typeof wantedServices>[0],
    ...rest: [Parameters<typeof wantedServices>[1], string?]
  ) => wantedServices(config, rest[0], rest[1]).unsupported.map(({ path, message }) => `${path}: ${message}`);
  const none = { kind: "none", reason: "systemd is not the init here" } as const;
  const atBoot = { ...ASKED, killSwitch: { ...ASKED.killSwitch, atBoot: true } };

  test("no service manager, no nft, no boot order", () => {
    expect(refused(ASKED, none)).toEqual(["service: no service manager: systemd is not the init here"]);
    expect(refused(atBoot, manager("systemd"))).toEqual([expect.stringContaining("killSwitch.atBoot: ")]);
    expect(refused(atBoot, manager("launchd"), "script")).toEqual([expect.stringContaining("works on Linux only")]);
    expect(refused({ killSwitch: atBoot.killSwitch }, manager("systemd"), "x")).toEqual([
      expect.stringContaining("needs service"),
    ]);
    expect(refused({ ...ASKED, service: { ...ASKED.service, install: false } }, none)).toEqual([]);
    expect(refused({ killSwitch: ASKED.killSwitch, api: { group: "net" } }, manager("systemd"))).toEqual([
      "api: needs service: { install: true }",
    ]);
  });
});
