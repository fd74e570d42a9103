import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseProbeTarget } from "../../../../src/config/field/probe-target.ts";
import type { ProbeResult, ProbeSpec, ProbeType } from "../../../../src/model/resources/probe.ts";
import { waitFor } from "../../../lab/world/command.ts";
import { ROOT } from "../../../repository/sources.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft", "dnsmasq");

const timeoutSeconds = 3;

/** Type, target and device. */
type Wanted = readonly [ProbeType, string, string?];

describe.skipIf(obstacle !== undefined)(
  `probes on a real machine (${obstacle ?? "here"})`,
  { timeout: 120_000 },
  () => {
    let near: TestNamespace;
    let far: TestNamespace;
    const servers: ChildProcess[] = [];

    function probes(...wanted: readonly Wanted[]): readonly ProbeResult[] {
      const specs = wanted.map(([type, text, device], index): ProbeSpec => {
        const target = parseProbeTarget(type, text);
        if (target === undefined) throw new Error(`no target: ${text}`);
        const common = { name: `p${index}`, type, target, required: false, everySeconds: 60, timeoutSeconds };
        return { ...common, ...(device === undefined ? {} : { device }) };
      });
      return near.runScript("test/host/linux/probes/probes.script.ts", specs) as ProbeResult[];
    }
    const verdicts = (...wanted: readonly Wanted[]) => probes(...wanted).map(({ passed }) => passed);

    beforeAll(async () => {
      near = makeNamespace("probe");
      far = makeNamespace("answer");
      mkdirSync(`/etc/netns/${near.name}`, { recursive: true });
      writeFileSync(`/etc/netns/${near.name}/resolv.conf`, "nameserver 192.0.2.1\noptions timeout:1 attempts:1\n");
      for (const link of ["one", "two"]) {
        near.run(["ip", "link", "add", link, "type", "veth", "peer", "name", link, "netns", far.name]);
        near.run(["ip", "link", "set", link, "up"]);
        far.run(["ip", "link", "set", link, "up"]);
      }
      near.run(["ip", "addr", "add", "192.0.2.2/24", "dev", "one"]);
      near.run(["ip", "addr", "add", "2001:db8::2/64", "dev", "one", "nodad"]);
      near.run(["ip", "addr", "add", "203.0.113.2/24", "dev", "two"]);
      far.run(["ip", "addr", "add", "192.0.2.1/24", "dev", "one"]);
      far.run(["ip", "addr", "add", "2001:db8::1/64", "dev", "one", "nodad"]);
      far.run(["nft", "-f", "-"], {
        input: "table inet t { chain c { type filter hook input priority 0; tcp dport 9999 drop\n}\n}\n",
      });
      const answering = spawn("ip", [
        "netns",
        "exec",
        far.name,
        process.execPath,
        join(ROOT, "test/host/linux/probes/answering.script.ts"),
      ]);
      servers.push(answering);
      await new Promise((ready) => answering.stdout.once("data", ready));
      const names = [
        "--address=/two.example/2001:db8::9",
        "--address=/two.example/192.0.2.1",
        "--address=/v4.example/192.0.2.1",
      ];
      servers.push(
        spawn("ip", [
          "netns",
          "exec",
          far.name,
          "dnsmasq",
          "-k",
          "-R",
          "-h",
          "-u",
          "root",
          "--conf-file=/dev/null",
          "--pid-file=",
          ...names,
        ]),
      );
      await waitFor("dnsmasq to answer", async () => verdicts(["dns", "v4.example"])[0] === true);
    });

    afterAll(() => {
      for (const server of servers) {
        server.stdin?.end();
        server.kill();
      }
      rmSync(`/etc/netns/${near.name}`, { recursive: true, force: true });
      near[Symbol.dispose]();
      far[Symbol.dispose]();
    });

    test("ping is answered over IPv4 and IPv6, and not by who is not there", () => {
      expect(verdicts(["ping", "192.0.2.1"], ["ping", "2001:db8::1"], ["ping", "192.0.2.77"])).toEqual([
        true,
        true,
        false,
      ]);
    });

    test("a connection comes about, is refused at once, or times out", () => {
      const [open, open6, closed, dropped] = probes(
        ["tcp", "192.0.2.1:8080"],
        ["tcp", "[2001:db8::1]:8080"],
        ["tcp", "192.0.2.1:1"],
        ["tcp", "192.0.2.1:9999"],
      );
      expect([open?.passed, open6?.passed, closed?.passed, dropped?.passed]).toEqual([true, true, false, false]);
      expect(open?.detail).toMatch(/^answered in \d+ ms$/);
      expect(closed?.detail).toContain("ECONNREFUSED");
      expect(dropped?.detail).toBe(`no answer in ${timeoutSeconds} s`);
    });

    test("a page is there, or is not: a redirection is a captive portal's answer", () => {
      const results = probes(
        ["http", "http://192.0.2.1:8080/"],
        ["http", "http://[2001:db8::1]:8080/204"],
        ["http", "http://v4.example:8080/"],
        ["http", "http://192.0.2.1:8080/302"],
        ["http", "http://192.0.2.1:8080/500"],
        ["http", "http://192.0.2.1:8080/never"],
        ["http", "https://192.0.2.1:8080/"],
      );
      expect(results.map(({ passed }) => passed)).toEqual([true, true, true, false, false, false, false]);
      expect(results[2]?.address).toBe("192.0.2.1");
      expect(results.slice(3, 6).map(({ detail }) => detail)).toEqual([
        "answered with HTTP 302",
        "answered with HTTP 500",
        `no answer in ${timeoutSeconds} s`,
      ]);
    });

    test("of several addresses the first that answers counts; an unknown name is reported", () => {
      const [both, none] = probes(["tcp", "two.example:8080"], ["dns", "nowhere.example"]);
      expect(both?.passed, both?.detail).toBe(true);
      expect(none).toEqual({ passed: false, detail: "the name nowhere.example was not found" });
    });

    test("a probe with a device leaves by that device", () => {
      expect(
        verdicts(["ping", "192.0.2.1", "one"], ["ping", "192.0.2.1", "two"], ["tcp", "192.0.2.1:8080", "two"]),
      ).toEqual([true, false, false]);
      expect(probes(["tcp", "192.0.2.1:8080", "gone"])[0]?.detail).toContain("ENODEV");
    });
  },
);
