import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Command, CommandResult } from "../../../../src/host/darwin/command.ts";
import { darwinFirewall } from "../../../../src/host/darwin/firewall/darwin-firewall.ts";
import { darwinFirewallEvents } from "../../../../src/host/darwin/firewall/firewall-events.ts";
import { CALLING_ANCHOR, PF_ANCHOR } from "../../../../src/host/darwin/pf/render-pf.ts";
import type { FirewallPort } from "../../../../src/host/ports/firewall.ts";
import type { NetworkEvent } from "../../../../src/host/ports/network-events.ts";
import { between, blockedPolicy } from "../../../../src/model/firewall/transition.ts";
import { BLOCK, LAPTOP, OFFICE, policyOf } from "../../../model/firewall/policies.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { Looks } from "../fake/looks.ts";
import { type FakeMachine, macBook } from "../fake/machine.ts";
import { FakePrograms } from "../fake/programs/fake-programs.ts";
import { parsePf } from "../pf/parse-pf.ts";
import { PROTOCOLS, SERVICES } from "../pf/pf-names.ts";

const OTHER = policyOf({ endpoints: [{ address: "192.0.2.99", port: 443, protocol: 6 }] });
const MANY = policyOf({
  flows: {
    rules: [
      {
        origin: "rules/0 (list)",
        match: { destinations: Array.from({ length: 20 }, (_, at) => `203.0.${at}.0/24`) },
        path: BLOCK,
      },
    ],
    default: OFFICE,
  },
});
const TWICE = policyOf({
  allow: [
    { direction: "in", protocol: 6, ports: [22, 22, 23].map((port) => ({ from: port, to: port })) },
    { direction: "out", prefixes: ["192.0.2.7/32", "192.0.2.7/32", "2001:db8::7/128"] },
  ],
});
const NO_SWITCH = policyOf({ killSwitch: false });

const ALTQ = "No ALTQ support in kernel\nALTQ related functions disabled\n";

let folder: string;
let machine: FakeMachine;

beforeEach(() => {
  folder = temporaryFolder("pf");
  mkdirSync(join(folder, "etc"));
  const protocols = [...PROTOCOLS].map(([name, number]) => `${name}\t${number}\t${name.toUpperCase()}\t# words`);
  writeFileSync(join(folder, "etc/protocols"), `# Internet protocols\n${protocols.join("\n")}\n`);
  const services = [...SERVICES].flatMap(([name, port]) => [`${name}   ${port}/tcp`, `${name}   ${port}/udp`]);
  writeFileSync(join(folder, "etc/services"), `${services.join("\n")}\n`);
  machine = macBook();
});

interface Program {
  readonly firewall: FirewallPort;
  readonly system: FakeLibSystem;
  readonly runs: readonly string[];
}

/** awg as one process on the Mac of this test. */
function awg(pid = 4242, instead: (command: Command) => CommandResult | undefined = () => undefined): Program {
  const caller = { pid, uid: 0 };
  const system = new FakeLibSystem(machine, caller);
  const programs = new FakePrograms(machine, caller);
  const firewall = darwinFirewall({
    system,
    run: async (command) => instead(command) ?? programs.run(command),
    runDir: join(folder, "run"),
    root: folder,
  });
  return { firewall, system, runs: programs.runs };
}

/** What somebody's `pfctl -a anchor -f` does. */
function loadForeign(anchor: string, text: string): void {
  const { rules, tables } = parsePf(text);
  machine.pf.anchors.set(anchor, { rules, tables });
}

describe("PF as the firewall of a Mac", () => {
  test("H1: a policy is loaded into one anchor, called among com.apple's, and read back whole", async () => {
    const { firewall, runs, system } = awg();
    expect(await firewall.read()).toMatchObject({ policy: null, damage: [] });
    await firewall.load(LAPTOP);
    expect(await firewall.read()).toEqual({
      policy: LAPTOP,
      damage: [],
      held: false,
      holdable: false,
      droppedPackets: 0,
    });
    expect([...machine.pf.anchors.keys()].toSorted()).toContain("com.awg/killswitch");
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual(["com.apple/*"]);
    expect(runs.filter((run) => / -f /.test(run))).toEqual([
      `/sbin/pfctl -a ${PF_ANCHOR} -o none -f -`,
      `/sbin/pfctl -a ${CALLING_ANCHOR} -o none -f -`,
    ]);
    expect(system.openDescriptors).toEqual([]);
  });

  test("law 3: reading writes nothing, however often", async () => {
    const { firewall, runs } = awg();
    await firewall.load(LAPTOP);
    const written = runs.filter((run) => / -f /.test(run)).length;
    const generation = machine.pf.generation;
    for (let count = 0; count < 3; count += 1) expect((await firewall.read()).damage).toEqual([]);
    expect(runs.filter((run) => / -f /.test(run))).toHaveLength(written);
    expect([machine.pf.generation, machine.pf.tokens.length]).toEqual([generation, 1]);
  });

  test.each([
    ["another", OTHER],
    ["old and new", between(LAPTOP, OTHER)],
    ["blocked", blockedPolicy()],
    ["one with tables", MANY],
    ["one that says things twice", TWICE],
    ["one without kill switch", NO_SWITCH],
  ])("law 5: %s policy replaces the first in one transaction", async (_name, next) => {
    const { firewall, runs } = awg();
    await firewall.load(LAPTOP);
    const before = runs.length;
    await firewall.load(next);
    expect(await firewall.read()).toMatchObject({ policy: next, damage: [] });
    const loads = runs.slice(before).filter((run) => run.includes(`-a ${PF_ANCHOR} `) && run.endsWith("-f -"));
    expect(loads).toHaveLength(1);
    expect(machine.pf.tokens).toHaveLength(1);
  });

  test("law 6: removed, nothing of it is left, and what others hold stays", async () => {
    loadForeign("com.apple/250.ApplicationFirewall", "block drop in quick proto tcp from any to any port 22\n");
    const other = machine.pf.start(618, "socketfilterfw");
    const { firewall } = awg();
    await firewall.load(MANY);
    await firewall.load(null);
    expect([...machine.pf.anchors.keys()]).toEqual(["com.apple/250.ApplicationFirewall"]);
    expect(machine.pf.tokens.map(({ token }) => token)).toEqual([other]);
    expect(await firewall.read()).toMatchObject({ policy: null, damage: [] });
    const { runs, firewall: again } = awg();
    await again.load(null);
    expect(runs.filter((run) => / -f /.test(run))).toEqual([]);
  });

  test("law 6: anchors of an earlier policy that the new one does not have are emptied", async () => {
    let isLoaded = false;
    const { firewall } = awg(4242, ({ args }) => {
      // The double drops them with the load; a kernel that keeps them shows them after it.
      if (isLoaded) for (const path of ["com.awg/old", "com.awg/old/older"]) loadForeign(path, "block drop all\n");
      isLoaded = args.includes("-f") && args.includes(PF_ANCHOR);
      return undefined;
    });
    await firewall.load(LAPTOP);
    expect([...machine.pf.anchors.keys()].filter((path) => path.includes("old"))).toEqual([]);
    expect((await firewall.read()).policy).toEqual(LAPTOP);
  });

  test("a ruleset loaded while it is read is read again, not taken for a part of it", async () => {
    let busy = 3;
    const { firewall } = awg(4242, ({ args }) => {
      if (args.at(-1) !== "rules" || busy === 0) return undefined;
      busy -= 1;
      return { status: 0, stdout: "pass quick all\n", stderr: `${ALTQ}pfctl: DIOCGETRULE: Resource busy\n` };
    });
    await firewall.load(LAPTOP);
    busy = 3;
    expect(await firewall.read()).toMatchObject({ policy: LAPTOP, damage: [] });
    busy = Number.POSITIVE_INFINITY;
    await expect(firewall.read()).rejects.toThrow(/Resource busy/);
  });

  test("an anchor that is not there has none below it, however pfctl says so", async () => {
    const said = { status: 1, stdout: "", stderr: `${ALTQ}Anchor 'com.apple' not found.\n` };
    const { firewall } = awg(4242, ({ args }) => (args.join(" ") === "-a com.apple -s Anchors" ? said : undefined));
    await firewall.load(LAPTOP);
    expect((await firewall.read()).damage).toEqual([]);
  });

  test("law 1: a load that pfctl refuses leaves the loaded policy; the error says why, without pfctl's noise", async () => {
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    const stderr = `No ALTQ support in kernel\nALTQ related functions disabled\nstdin:4: syntax error\n`;
    const { firewall: failing } = awg(4243, ({ args }) =>
      args.includes("-f") ? { status: 1, stdout: "", stderr } : undefined,
    );
    await expect(failing.load(OTHER)).rejects.toThrow(
      /^pfctl could not load the anchor com\.awg: stdin:4: syntax error$/,
    );
    expect(await firewall.read()).toMatchObject({ policy: LAPTOP, damage: [] });
  });

  test.each([1, 2, 3])(
    "law 1: killed at call %i that matters of a change, PF holds old or new, and the next load ends it",
    async (at) => {
      await awg(100).firewall.load(LAPTOP);
      machine.pf.disable();
      let writes = 0;
      const dying = awg(101, ({ args }) => {
        if (args.includes("-f")) count();
        return undefined;
      });
      const { ioctl } = dying.system;
      dying.system.ioctl = (...call) => {
        count();
        return ioctl.apply(dying.system, call);
      };
      await expect(dying.firewall.load(MANY)).rejects.toThrow("killed");
      dying.system.exit();
      const next = awg(102);
      const { policy } = await next.firewall.read();
      expect([LAPTOP, MANY]).toContainEqual(policy);
      await next.firewall.load(MANY);
      expect(await next.firewall.read()).toMatchObject({ policy: MANY, damage: [] });
      expect(machine.pf.tokens).toHaveLength(1);

      function count(): void {
        writes += 1;
        if (writes >= at) throw new Error("killed");
      }
    },
  );
});

describe("H1: what others do to PF", () => {
  const meddling: readonly (readonly [string, RegExp, () => void])[] = [
    ["turns PF off (pfctl -d)", /off/, () => machine.pf.disable()],
    [
      "takes our reference away",
      /no reference/,
      () => {
        machine.pf.start(77, "pfctl");
        machine.pf.stop(machine.pf.tokens[0]?.token ?? 0n);
      },
    ],
    ["empties the kill switch", /killswitch is empty/, () => machine.pf.anchors.delete("com.awg/killswitch")],
    [
      "adds a rule to ours",
      /not ours: pass quick/,
      () => {
        const anchor = machine.pf.anchors.get(PF_ANCHOR);
        const [first] = parsePf("pass quick all\n").rules;
        if (anchor !== undefined && first !== undefined)
          machine.pf.anchors.set(PF_ANCHOR, { ...anchor, rules: [...anchor.rules, first] });
      },
    ],
    [
      "takes our first rule away",
      /the policy in PF anchor com.awg is unknown/,
      () => {
        const anchor = machine.pf.anchors.get(PF_ANCHOR);
        if (anchor !== undefined) machine.pf.anchors.set(PF_ANCHOR, { ...anchor, rules: anchor.rules.slice(1) });
      },
    ],
    [
      "takes our last rule away",
      /are gone/,
      () => {
        const anchor = machine.pf.anchors.get("com.awg/dns");
        if (anchor !== undefined)
          machine.pf.anchors.set("com.awg/dns", { ...anchor, rules: anchor.rules.slice(0, -1) });
      },
    ],
    ["empties what calls us", /does not lead/, () => machine.pf.anchors.delete(CALLING_ANCHOR)],
    [
      "loads a main ruleset without com.apple",
      /does not lead/,
      () => {
        machine.pf.main = [];
        for (const rule of parsePf('anchor "corp"\n').rules) machine.pf.insert(rule);
      },
    ],
  ];

  test.each(meddling)("%s: seen, and put right by the next load", async (_name, damage, meddle) => {
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    meddle();
    const seen = await firewall.read();
    expect(seen.damage.join("; ")).toMatch(damage);
    await firewall.load(LAPTOP);
    expect(await firewall.read()).toMatchObject({ policy: LAPTOP, damage: [] });
  });

  test("loads /etc/pf.conf again: our anchors are still called", async () => {
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    machine.pf.reloadStockConf();
    expect(await firewall.read()).toMatchObject({ policy: LAPTOP, damage: [] });
  });

  test("loads /etc/pf.conf again after our call was in the main ruleset: the wildcard is back, both lead to us", async () => {
    machine.pf.main = [];
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual([PF_ANCHOR]);
    machine.pf.main = [];
    expect((await firewall.read()).damage.join()).toMatch(/does not lead/);
    machine.pf.reloadStockConf();
    expect((await firewall.read()).damage).toEqual([]);
    await firewall.load(null);
    expect(machine.pf.main.map(({ rule }) => rule.anchor)).toEqual(["com.apple/*"]);
  });

  test("S13.11 empties our anchor: there is no policy any more", async () => {
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    machine.pf.load(PF_ANCHOR, "\n");
    expect(await firewall.read()).toMatchObject({ policy: null });
  });

  test("changes a table of ours", async () => {
    const { firewall } = awg();
    await firewall.load(MANY);
    const anchor = machine.pf.anchors.get(PF_ANCHOR);
    const [name] = anchor?.tables.keys() ?? [];
    if (anchor === undefined || name === undefined) throw new Error("there is no table");
    machine.pf.anchors.set(PF_ANCHOR, { ...anchor, tables: new Map([[name, []]]) });
    expect((await firewall.read()).damage.join()).toMatch(/table awg_0 .*changed/);
    machine.pf.anchors.set(PF_ANCHOR, { ...anchor, tables: new Map() });
    expect((await firewall.read()).damage.join()).toMatch(/table awg_0 .*gone/);
  });

  test.each([
    ["a rule of the main ruleset", () => putFirst("pass out quick all\n"), /pass out quick all/],
    [
      "an anchor before com.apple's",
      () => {
        putFirst('anchor "corp"\n');
        loadForeign("corp", "pass out quick on en0 all\n");
      },
      /pass out quick on en0 all .*\(in corp\)/,
    ],
    [
      "an anchor of com.apple's before ours",
      () => loadForeign("com.apple/000.aaa", "pass quick all\n"),
      /in com\.apple\/000\.aaa/,
    ],
    ["an interface that PF leaves alone", () => machine.pf.skipped.add("en0"), /set skip on en0/],
    [
      "a translation of the main ruleset that passes",
      () => translate("", "nat pass on en0 inet from any to any -> (en0) round-robin"),
      /nat pass on en0 inet from any to any -> \(en0\)/,
    ],
    [
      "a redirection that passes, in an anchor of com.apple's after ours",
      () =>
        translate(
          "com.apple/250.vm",
          "rdr pass on en0 inet proto tcp from any to any port = 8022 -> 192.168.64.2 port 22",
        ),
      /rdr pass on en0 .*\(in com\.apple\/250\.vm\)/,
    ],
    [
      "a translation that passes, two calls deep",
      () => {
        translate("", 'binat-anchor "corp" all', 'nat-anchor "corp" all');
        translate("corp", 'nat-anchor "inner/*" all');
        translate("corp/inner/one", "nat pass log on ! lo0 inet6 from any to any -> 2001:db8::1");
      },
      /nat pass log on ! lo0 .*\(in corp\/inner\/one\)/,
    ],
  ])(
    "law 4: %s makes the kill switch no promise: refused before anything is changed, told where it comes later",
    async (_name, meddle, why) => {
      const { firewall, runs } = awg();
      await firewall.load(LAPTOP);
      meddle();
      expect((await firewall.read()).damage.join()).toMatch(why);
      await firewall.load(NO_SWITCH);
      await firewall.load(null);
      const before = runs.length;
      await expect(firewall.load(LAPTOP)).rejects.toMatchObject({
        kind: "conflict",
        message: expect.stringMatching(why),
      });
      expect(runs.slice(before).filter((run) => / -f /.test(run))).toEqual([]);
    },
  );

  test("a rule before ours that blocks, that is not quick, or of loopback is no hole", async () => {
    putFirst("block drop out quick proto tcp from any to any port 25\npass out all\npass quick on lo0 all\n");
    loadForeign("com.apple/250.ApplicationFirewall", "pass in quick all\n");
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    expect((await firewall.read()).damage).toEqual([]);
  });

  test("a translation without `pass`, of loopback, that says no, or that is never called is no hole", async () => {
    translate(
      "",
      "nat on en0 inet from 192.168.64.0/24 to any -> (en0) round-robin",
      "no nat on en0 inet from any to 10.0.0.0/8",
      "rdr pass on lo0 inet proto tcp from any to any port = 80 -> 127.0.0.1 port 8080",
    );
    translate("com.apple.other", "nat pass on en0 inet from any to any -> (en0) round-robin");
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    expect((await firewall.read()).damage).toEqual([]);
  });

  /** What somebody's `pfctl -a anchor -N -f` adds. */
  function translate(anchor: string, ...rules: readonly string[]): void {
    machine.pf.translations.set(anchor, [...(machine.pf.translations.get(anchor) ?? []), ...rules]);
  }

  function putFirst(text: string): void {
    const after = machine.pf.main.map(({ rule }) => rule);
    machine.pf.main = [];
    for (const rule of [...parsePf(text).rules, ...after]) machine.pf.insert(rule);
  }
});

describe("H4: the reference that keeps PF on", () => {
  test("is taken once and given back once, by whichever process", async () => {
    const first = awg(100);
    await first.firewall.load(LAPTOP);
    first.system.exit();
    const second = awg(101);
    await second.firewall.load(OTHER);
    expect(machine.pf.tokens.map(({ pid }) => pid)).toEqual([100]);
    await second.firewall.load(null);
    expect([machine.pf.tokens, machine.pf.enabled]).toEqual([[], false]);
    await second.firewall.load(null);
  });

  test("that a process took and died before it wrote it down is found by its pid and given back", async () => {
    const dying = awg(100);
    const { ioctl } = dying.system;
    dying.system.ioctl = (fd, request, argument) => {
      const result = ioctl.call(dying.system, fd, request, argument);
      if (machine.pf.tokens.length > 0) throw new Error("killed");
      return result;
    };
    await expect(dying.firewall.load(LAPTOP)).rejects.toThrow("killed");
    dying.system.exit();
    expect(machine.pf.tokens.map(({ pid }) => pid)).toEqual([100]);
    const next = awg(101);
    await next.firewall.load(LAPTOP);
    expect(machine.pf.tokens.map(({ pid }) => pid)).toEqual([101]);
    await next.firewall.load(null);
    expect(machine.pf.tokens).toEqual([]);
  });

  test("after another program's pfctl -d is taken again; the number PF gave to another since is left to it", async () => {
    const { firewall } = awg(100);
    await firewall.load(LAPTOP);
    const ours = machine.pf.tokens[0];
    machine.pf.disable();
    if (ours !== undefined) machine.pf.tokens.push({ ...ours, pid: 618, program: "socketfilterfw" });
    machine.pf.enabled = true;
    await firewall.load(null);
    expect(machine.pf.tokens.map(({ pid }) => pid)).toEqual([618]);
  });
});

describe("S11.1: states after a load", () => {
  test("those that the policy forbids end, the others stay", async () => {
    const tcp = { protocol: "tcp", from: "192.168.1.20:50000" } as const;
    machine.pf.states = [
      { ...tcp, interface: "ALL", to: "203.0.113.200:443" },
      { ...tcp, interface: "en0", to: "203.0.113.200:443" },
      { ...tcp, interface: "en0", to: "198.51.100.7:80" },
      { ...tcp, interface: "ALL", to: "198.51.100.7:80" },
      { protocol: "udp", interface: "ALL", from: "2001:db8:5::9[5000]", to: "2001:db8:6::1[443]" },
      { protocol: "tcp", interface: "ALL", from: "127.0.0.1:5000", to: "127.0.0.1:631" },
      { protocol: "udp", interface: "en0", from: "192.168.1.20:5353", to: "192.168.1.1:5353" },
      { ...tcp, interface: "en0", to: "203.0.113.201:443" },
      { ...tcp, interface: "awg-office", to: "203.0.113.201:443" },
      { ...tcp, interface: "lo0", from: "203.0.113.202:50000", to: "203.0.113.202:443" },
    ];
    const { firewall } = awg();
    await firewall.load(LAPTOP);
    expect(machine.pf.states.map(({ interface: device, to }) => `${device} ${to}`)).toEqual([
      "en0 198.51.100.7:80",
      "ALL 198.51.100.7:80",
      "ALL 127.0.0.1:631",
      "en0 192.168.1.1:5353",
      "awg-office 203.0.113.201:443",
      "lo0 203.0.113.202:443",
    ]);
  });
});

describe("H1: PF looked at each second", () => {
  const changes: readonly (readonly [string, () => void])[] = [
    ["PF turned off", () => machine.pf.disable()],
    ["the main ruleset loaded anew", () => machine.pf.reloadStockConf()],
    ["our anchor emptied", () => machine.pf.load(PF_ANCHOR, "\n")],
    ["an anchor inside ours loaded anew", () => machine.pf.load("com.awg/dns", "pass quick all\n")],
    ["what calls us taken away", () => machine.pf.load(CALLING_ANCHOR, "\n")],
  ];

  test.each(changes)("reports %s once, and nothing of awg's own loads", async (_name, change) => {
    const { firewall, system } = awg();
    await firewall.load(OTHER);
    const events: NetworkEvent[] = [];
    const { every, look } = new Looks();
    await using _watching = darwinFirewallEvents({ system, every }).watch((event) => events.push(event));
    look();
    await firewall.load(LAPTOP);
    look();
    expect(events).toEqual([]);
    change();
    look();
    look();
    expect(events).toEqual([{ what: "packet filter", renumbered: false }]);
    await firewall.load(LAPTOP);
    look();
    expect(events).toHaveLength(1);
  });

  test("reports nothing of a load of awg's own that is read half done", async () => {
    const { every, look } = new Looks();
    let looks = 0;
    const { firewall, system } = awg(4242, () => {
      look();
      looks += 1;
      return undefined;
    });
    const events: NetworkEvent[] = [];
    await using _watching = darwinFirewallEvents({ system, every }).watch((event) => events.push(event));
    await firewall.load(LAPTOP);
    look();
    expect([looks > 2, events]).toEqual([true, []]);
  });
});
