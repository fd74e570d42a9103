import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import {
  removesForeignRules,
  resolverManager,
  thisHost,
} from "../../../../src/host/linux/environment/network-managers.ts";
import { ProcFolder } from "../../../../src/host/linux/processes/proc-folder.ts";
import { temporaryFolder } from "../../../support/folder.ts";

describe("programs that manage the network", () => {
  let root = "";
  const put = (path: string, text = ""): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const machine = (...running: readonly string[]) => ({ root, runs: (name: string) => running.includes(name) });

  beforeEach(() => {
    root = temporaryFolder("managers");
  });

  test("are none on a machine without them", () => {
    expect(resolverManager(machine("NetworkManager"))).toBeUndefined();
    expect(removesForeignRules(machine("systemd-network"))).toBe(false);
  });

  test("are not those that were stopped, though they leave their folders in /run", () => {
    put("run/systemd/netif/state");
    put("run/NetworkManager/resolv.conf");
    expect(removesForeignRules(machine())).toBe(false);
    expect(resolverManager(machine())).toBeUndefined();
    expect(removesForeignRules(machine("systemd-network"))).toBe(true);
    expect(resolverManager(machine("NetworkManager"))).toBe("NetworkManager");
  });

  test("networkd removes nothing where it is configured to keep both", () => {
    put("run/systemd/netif/state");
    put("etc/systemd/networkd.conf.d/awg.conf", "[Network]\nManageForeignRoutes=no\n");
    expect(removesForeignRules(machine("systemd-network"))).toBe(true);
    put("run/systemd/networkd.conf", "[Network]\nManageForeignRoutingPolicyRules=no\n");
    expect(removesForeignRules(machine("systemd-network"))).toBe(false);
  });

  test.each([
    ["what doctor says", { "etc/NetworkManager/conf.d/awg.conf": "[main]\ndns=none\n" }, undefined],
    ["its other word", { "etc/NetworkManager/NetworkManager.conf": "[main]\nrc-manager = unmanaged\n" }, undefined],
    ["another section", { "etc/NetworkManager/conf.d/awg.conf": "[logging]\ndns=none\n" }, "NetworkManager"],
    ["a file of another kind", { "etc/NetworkManager/conf.d/awg.bak": "[main]\ndns=none\n" }, "NetworkManager"],
    [
      "a later file",
      {
        "etc/NetworkManager/NetworkManager.conf": "[main]\ndns=none\n",
        "etc/NetworkManager/conf.d/a.conf": "[main]\ndns=default\n",
        "usr/lib/NetworkManager/conf.d/z.conf": "[main]\ndns=none\n",
      },
      "NetworkManager",
    ],
    [
      "a file that hides the vendor's",
      {
        "usr/lib/NetworkManager/conf.d/a.conf": "[main]\ndns=none\n",
        "etc/NetworkManager/conf.d/a.conf": "[main]\n",
      },
      "NetworkManager",
    ],
  ] as const)("NetworkManager is told by %s", (_what, files, expected) => {
    put("run/NetworkManager/resolv.conf");
    for (const [path, text] of Object.entries(files)) put(path, text);
    expect(resolverManager(machine("NetworkManager"))).toBe(expected);
  });

  test.each([
    ["Debian's", { "run/resolvconf/enable-updates": "", "run/resolvconf/interface/eth0.dhclient": "" }, "resolvconf"],
    ["Debian's that is off", { "run/resolvconf/interface/eth0.dhclient": "" }, undefined],
    ["openresolv", { "run/resolvconf/interfaces/eth0": "" }, "resolvconf"],
    [
      "openresolv that is off",
      { "run/resolvconf/interfaces/eth0": "", "etc/resolvconf.conf": "resolvconf=NO\n" },
      undefined,
    ],
  ] as const)("resolvconf is %s", (_what, files, expected) => {
    for (const [path, text] of Object.entries(files)) put(path, text);
    expect(resolverManager(machine())).toBe(expected);
  });

  test.skipIf(process.platform !== "linux")("run here where they are in this network namespace", () => {
    const start = (pid: string, name: string, network: string): void => {
      put(`${pid}/stat`, `${pid} (${name}) S 1 5 6 0 -1 0 ${"7 ".repeat(12)}4711 8 9\n`);
      put(`${pid}/cgroup`, "0::/\n");
      mkdirSync(join(root, pid, "ns"));
      symlinkSync(`net:[${network}]`, join(root, pid, "ns/net"));
    };
    start("1", "systemd", "1");
    start("self", "node", "1");
    start("70", "systemd-network", "1");
    start("80", "NetworkManager", "2");
    const { runs } = thisHost(new ProcFolder(root));
    expect(["systemd-network", "NetworkManager", "systemd"].map(runs)).toEqual([true, false, true]);
  });
});
