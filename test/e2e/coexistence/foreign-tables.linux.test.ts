import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft");
const CONFIG = sampleConfig("default: { via: direct }\nkillSwitch: { enabled: true }\n");
const built = useBuiltProgram();

describe.skipIf(obstacle !== undefined)(
  `law 6: objects of other programs with names of awg's${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let host: TestNamespace;
    let folder = "";
    let inode = 0;

    const awg = (...args: readonly string[]) =>
      host.run(
        [
          process.execPath,
          "--disable-warning=ExperimentalWarning",
          built(),
          ...args,
          "--state-dir",
          join(folder, "state"),
        ],
        { mayFail: true },
      );
    const apply = () => awg("apply", "-f", join(folder, "config.yaml"), "--auto-approve");
    const ruleset = () => host.run(["nft", "-s", "list", "ruleset"]).stdout;

    beforeEach(() => {
      host = makeNamespace("foreign-tables");
      inode = statSync(`/run/netns/${host.name}`).ino;
      folder = temporaryFolder("foreign-tables");
      writeFileSync(join(folder, "config.yaml"), CONFIG);
      host.run(["ip", "link", "set", "lo", "up"]);
    });

    afterEach(() => {
      awg("destroy", "--auto-approve");
      host[Symbol.dispose]();
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    });

    test.each([
      ["inet awg", "table inet awg { chain input { type filter hook input priority 0; tcp dport 80 accept; }; }"],
      ["netdev awg", "table netdev awg { chain mine { }; }"],
    ])("the table %s of another program is a conflict, named with its remedy, and stays", (table, text) => {
      host.run(["nft", text]);
      const before = ruleset();
      const { status, stderr } = apply();
      expect([status, stderr]).toEqual([
        8,
        `awg: firewall/machine is held by the nf_tables table ${table} of another program; rename the table in the other program, or remove it: nft delete table ${table}; nothing was changed\n`,
      ]);
      expect(awg("destroy", "--auto-approve")).toMatchObject({
        status: 0,
        stdout: "Nothing to destroy. awg owns nothing on this host.\n",
      });
      const { findings } = JSON.parse(awg("doctor", "--json").stdout) as {
        readonly findings: readonly { readonly id: string }[];
      };
      expect(findings).toContainEqual(
        expect.objectContaining({ id: "table-foreign", severity: "note", what: expect.stringContaining(table) }),
      );
      expect(ruleset()).toBe(before);
      host.run(["nft", "delete", "table", ...table.split(" ")]);
      expect(apply()).toMatchObject({ status: 0 });
    });

    test("a table awg_boot, rules in awg's range and routes in its tables of another program stay", () => {
      host.run(["nft", "table inet awg_boot { chain mine { }; }"]);
      host.run(["ip", "rule", "add", "pref", "10500", "fwmark", "0x7", "lookup", "77", "protocol", "99"]);
      host.run(["ip", "route", "add", "unreachable", "192.0.2.0/24", "table", "1635188737", "protocol", "99"]);
      const others = () => [
        ruleset(),
        host.run(["ip", "rule"]).stdout,
        host.run(["ip", "route", "show", "table", "1635188737"]).stdout,
      ];
      const before = others();
      expect(apply()).toMatchObject({ status: 0 });
      expect(awg("destroy", "--auto-approve")).toMatchObject({ status: 0 });
      expect(others()).toEqual(before);
    });

    test("a table without the comment, as kernels before 5.10 keep it, is known by its chain identity", () => {
      expect(apply()).toMatchObject({ status: 0 });
      expect(ruleset()).toContain('comment "made by awg"');
      const unmarked = `table inet awg { chain identity { comment "${"0".repeat(64)}"; }; }`;
      expect(awg("destroy", "--auto-approve")).toMatchObject({ status: 0 });
      host.run(["nft", unmarked]);
      expect(apply()).toMatchObject({ status: 0 });
    });
  },
);
