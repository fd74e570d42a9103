import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { ExplainQuestion } from "../../../src/app/explain/question/question.ts";
import type { Planned } from "../../../src/app/plan/planned.ts";
import { explanationDocument, renderExplanation, renderTrace } from "../../../src/cli/views/explanation.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { renderVerified } from "../../../src/cli/views/verified.ts";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import type { Step } from "../../../src/model/plan.ts";
import { PRIVATE_KEY, tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("explain");
  writePrivateKey(folder);
});

const config = (more = "") =>
  tunnelConfig({
    keyFile: join(folder, "key"),
    addresses: "10.8.0.2/32, fd00:8::2/128",
    allowedIPs: "0.0.0.0/0, ::/0",
    killSwitch: "{ enabled: true, allowLan: true }",
    more: `name: laptop
rules:
  - { name: mirror, destinations: [203.0.113.0/24], ports: [80], protocol: tcp, via: direct }
  - { name: backup, users: ["1500"], via: block }
dns: { servers: [10.8.0.1], via: office, leakProtection: true }
${more}`,
  });

const machine = () => join(folder, "machine.json");

/** Works with the machine of this test in a session of its own, as each verb does. */
async function withSession<T>(work: (session: TestSession) => Promise<T>): Promise<T> {
  const host = { kind: "simulated", file: machine() } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  return work(session);
}

async function apply(text: string): Promise<void> {
  await withSession(async (session) => {
    const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
    await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  });
}

/** Changes the machine behind awg's back. */
function tamper(change: (state: MachineState) => void): void {
  const state = JSON.parse(readFileSync(machine(), "utf8"));
  change(state);
  writeFileSync(machine(), JSON.stringify(state));
}

const ask = (destination: string, more: Partial<ExplainQuestion> = {}): ExplainQuestion => ({
  destination,
  user: "1000",
  resolves: false,
  ...more,
});

test("awg verify counts what it found in words that fit", () => {
  const findings = (["entry", "lock-out", "leak", "entry", "lock-out"] as const).map((kind) => ({
    kind,
    message: "",
    rules: [],
  }));
  const text = renderVerified({ findings, notes: [], classes: 1n }, styleFor(false));
  expect(text.split("\n").at(-1)).toBe("Found: 1 leak, 2 entries, 2 lock-outs.");
});

describe("awg verify on the simulated machine", () => {
  test("finds nothing after an apply, and says so of a machine that awg never touched", async () => {
    const before = await withSession((session) => session.verify());
    expect(before).toMatchObject({ generation: 0, findings: [] });
    expect(before.notes.join()).toContain("no packet policy is applied");
    await apply(config());
    expect(await withSession((session) => session.verify())).toMatchObject({ generation: 1, findings: [], notes: [] });
  });

  test("law 2: changes nothing", async () => {
    await apply(config());
    const before = readFileSync(machine(), "utf8");
    await withSession((session) => session.verify());
    await withSession((session) => session.explain(ask("203.0.113.7", { port: 443 })));
    expect(readFileSync(machine(), "utf8")).toBe(before);
  });

  test("law 1: finds that the policy is gone, that another one is loaded, and that a guard is missing", async () => {
    await apply(config());
    tamper((state) => {
      const { policy } = state.firewall;
      if (policy === null) throw new Error("no policy is loaded");
      state.firewall.policy = { ...policy, layers: policy.layers.map((layer) => ({ ...layer, dns: null })) };
    });
    const weaker = await withSession((session) => session.verify());
    expect(weaker.findings.some(({ kind, packet }) => kind === "leak" && packet?.destinationPort === 53)).toBe(true);
    tamper((state) => {
      state.routes = state.routes.filter(({ type }) => type !== "unreachable");
    });
    const open = await withSession((session) => session.verify());
    expect(
      open.findings
        .filter(({ kind }) => kind === "misroute")
        .map(({ message }) => message)
        .join("\n"),
    ).toContain("awg-office has vanished");
  });

  test("finds what is granted and has lost its route, whatever else holds it in", async () => {
    await apply(config());
    tamper((state) => {
      state.routes = state.routes.filter(({ destination, type }) => destination !== "0.0.0.0/0" || type !== "unicast");
    });
    const { findings } = await withSession((session) => session.verify());
    expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      "lock-out: goes nowhere (unreachable), because a route into its path, awg-office, is gone (IPv4)",
    ]);
  });

  test("finds, and explains, that the rule is gone by which a tunnel's flows get their source address", async () => {
    await apply(config());
    tamper((state) => {
      state.rules = state.rules.filter(({ rule }) => rule.family !== 4 || rule.preference !== 10_999);
    });
    const { findings } = await withSession((session) => session.verify());
    expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toEqual([
      "lock-out: gets the source address for eth0 before it is marked for its path, awg-office: a policy rule of awg's is gone (IPv4)",
    ]);
    const { disagreements } = await withSession((session) => session.explain(ask("198.51.100.9", { port: 443 })));
    expect(disagreements).toEqual(["source address: declared that of awg-office, the kernel takes that of eth0"]);
  });

  test("finds that the rule for the machine's own addresses was moved behind awg's", async () => {
    await apply(config());
    tamper((state) => {
      const local = state.rules.find(({ rule }) => rule.family === 4 && rule.preference === 0);
      if (local === undefined) throw new Error("there is no such rule");
      state.rules = [
        ...state.rules.filter((rule) => rule !== local),
        { ...local, rule: { ...local.rule, preference: 20_000 } },
      ];
    });
    const { findings } = await withSession((session) => session.verify());
    expect(findings.map(({ kind, message }) => `${kind}: ${message}`)).toContainEqual(
      expect.stringMatching(/^lock-out: no rule "lookup local" .* packets to this host .*\(IPv4\)$/),
    );
  });

  const networked = (text: string) => text.replace("10.8.0.2/32, fd00:8::2/128", "10.8.0.2/24, fd00:8::2/64");
  const open = (text: string) => text.replace("enabled: true, allowLan: true", "enabled: false");
  const unlocal = (text: string) => text.replace("allowLan: true", "allowLan: false");
  const callable = (text: string) =>
    text
      .replace("peers: [", `listenPort: 51900\n    peers: [{ publicKey: ${PRIVATE_KEY}, allowedIPs: [10.8.0.9/32] }, `)
      .replace("allowLan: true", "allow: [{ direction: in, protocol: tcp, ports: [22] }]");
  const split = (text: string) => open(text).replace("default: { via: office }", "default: { via: direct }");

  test.each([
    ["and the LAN is allowed", (text: string) => text],
    ["and the LAN is not", unlocal],
    ["and others dial in", callable],
    ["without a kill switch", open],
    ["and the default is direct", split],
  ])("takes the route that an address brings along for no misroute: the address is a network %s", async (_, change) => {
    await apply(change(networked(config())));
    expect((await withSession((session) => session.verify())).findings).toEqual([]);
  });

  test("takes the link-local network of a tunnel's device for no misroute", async () => {
    await apply(callable(networked(config())));
    tamper((state) => {
      const place = { family: 6, table: 254, metric: 256, type: "unicast", device: "awg-office" } as const;
      state.routes.unshift({ ...place, destination: "fe80::/64", protocol: 2 });
    });
    expect((await withSession((session) => session.verify())).findings).toEqual([]);
  });

  test("finds a route that divides its flows between its tunnel and another device, and the next apply takes it back", async () => {
    await apply(config());
    tamper((state) => {
      for (const [index, route] of state.routes.entries()) {
        if (route.destination !== "0.0.0.0/0" || route.type !== "unicast") continue;
        state.routes[index] = { ...route, otherDevices: ["eth0"], foreign: "nexthop dev eth0" };
      }
    });
    const verify = () => withSession((session) => session.verify());
    const found = (await verify()).findings.map(({ kind, message }) => `${kind}: ${message}`);
    expect(found).toEqual(["misroute: is routed by eth0, and its path is awg-office (IPv4)"]);
    await apply(config());
    expect((await verify()).findings).toEqual([]);
  });

  test("finds another route into a tunnel, beside its network", async () => {
    await apply(unlocal(networked(config())));
    tamper((state) => {
      const place = { family: 4, table: 254, metric: 0, type: "unicast", device: "awg-office" } as const;
      state.routes.push({ ...place, destination: "10.9.0.0/24", protocol: 2 });
    });
    const beside = await withSession((session) => session.verify());
    const found = beside.findings.map(({ kind, packet }) => `${kind} ${packet?.destination}`);
    expect(found).toEqual([expect.stringMatching(/^misroute 10\.9\.0\.\d+$/)]);
  });

  test("finds an engine with an endpoint that its own tunnel's network claims", async () => {
    await apply(networked(config()).replace("192.0.2.1", "10.8.0.77"));
    const { findings } = await withSession((session) => session.verify());
    expect(findings.map(({ message }) => message)).toEqual([
      "is routed by awg-office, and its path is our own engine (IPv4)",
    ]);
  });

  test("S10: a plan to another policy is proven state by state", async () => {
    await apply(config());
    const changed = config().replace("allowLan: true", "allowLan: false").replace("via: direct", "via: office");
    const verified = await withSession(async (session) =>
      session.verifyPlan(await session.plan(await session.load([{ name: "c.yaml", text: changed }]))),
    );
    expect(verified.findings).toEqual([]);
    expect(verified.classes).toBeGreaterThan(1000n);
  });

  test("S10.1: a plan that changes routes alone is judged by the policy that is loaded then", async () => {
    await apply(config());
    const changed = config().replace("0.0.0.0/0,", "0.0.0.0/1, 128.0.0.0/1,");
    const verified = await withSession(async (session) => {
      const planned = await session.plan(await session.load([{ name: "c.yaml", text: changed }]));
      expect(moves(planned.plan.batches)).toEqual([]);
      return session.verifyPlan(planned);
    });
    expect(verified.findings).toEqual([]);
    expect(verified.classes).toBeGreaterThan(1000n);
  });

  type Batch = Planned["plan"]["batches"][number];
  const moves = (batches: readonly Batch[]) => batches.filter(({ kind }) => kind === "firewall");
  /** The plan of a planner that knows of no policy between two: the one move it makes, in the place of the first or of the last. */
  const oneMove = (place: 0 | 1) => (batches: readonly Batch[]) => {
    const [first, last] = moves(batches) as [Batch, Batch];
    const [from, to] = [first.steps[0], last.steps[0]] as [Step, Step];
    const kept = [first, last][place];
    const only = { ...first, steps: [{ ...from, after: to.after } as Step] };
    return batches.flatMap((batch) => (batch === kept ? [only] : batch === first || batch === last ? [] : [batch]));
  };

  test.each([
    ["the new policy from the start", oneMove(0)],
    ["the old policy to the end", oneMove(1)],
  ])("S10.1: a plan that changes ways under %s is found", async (_, mutate) => {
    await apply(config());
    const changed = config()
      .replace("ports: [80], protocol: tcp, via: direct", "ports: [80], protocol: tcp, via: office")
      .replace('users: ["1500"], via: block', 'users: ["1500"], via: direct')
      .replace("10.8.0.2/32", "10.8.0.3/32");
    const verified = await withSession(async (session) => {
      const planned = await session.plan(await session.load([{ name: "c.yaml", text: changed }]));
      expect(moves(planned.plan.batches)).toHaveLength(2);
      const { batches } = planned.plan;
      return session.verifyPlan({ ...planned, plan: { ...planned.plan, batches: mutate(batches) } });
    });
    expect(verified.findings.map(({ kind }) => kind)).toContain("leak");
    expect(verified.findings.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^while .* changes: /),
    );
  });
});

describe("S10.1: nothing is wrong with a plan of ours", () => {
  const other = (text: string) => text.replace("10.8.0.2/32", "10.8.0.3/32");
  const strict = (text: string) => text.replace("allowLan: true", "allowLan: false");
  const renamed = (text: string) => text.replace("protocol: wireguard", "protocol: wireguard\n    interface: tun7");
  const open = (text: string) => text.replace("enabled: true, allowLan: true", "enabled: false");
  const split = (text: string) => open(text).replace("default: { via: office }", "default: { via: direct }");
  const same = (text: string) => text;

  test.each([
    ["to a stricter policy", same, (text: string) => other(strict(text))],
    ["to a laxer policy", strict, other],
    ["without a kill switch", open, (text: string) => split(other(text))],
    ["away from the kill switch", same, split],
    ["to another device", same, renamed],
    ["that leaves the policy", same, other],
  ])("%s", async (_, from, to) => {
    await apply(from(config()));
    const verified = await withSession(async (session) =>
      session.verifyPlan(await session.plan(await session.load([{ name: "c.yaml", text: to(config()) }]))),
    );
    expect(verified.findings).toEqual([]);
  });
});

describe("a plan proven where no rules are read back", () => {
  const prove = (text: string) =>
    withSession(async (session) =>
      session.verifyPlan(await session.plan(await session.load([{ name: "c.yaml", text }]))),
    );

  test("the first policy is held too, and it is said what was not", async () => {
    const verified = await prove(config());
    expect(verified.findings).toEqual([]);
    expect(verified.classes).toBeGreaterThan(1000n);
    expect(verified.notes.join()).toContain("only the policies are compared");
  });

  test("a plan without any change has nothing to prove", async () => {
    await apply(config());
    expect(await prove(config())).toEqual({ findings: [], notes: ["the plan changes nothing"], classes: 0n });
  });

  test("a config without a tunnel has nothing to prove", async () => {
    const verified = await prove("apiVersion: awg/v1\ndefault: { via: direct }\n");
    expect(verified.notes).toEqual(["the plan changes nothing"]);
    expect(renderVerified(verified, styleFor(false))).toBe("Nothing to verify.");
  });
});

describe("what an apply says", () => {
  test("a text that changes nothing of the machine is accepted, and that is said", async () => {
    await apply(config());
    const outcome = await withSession(async (session) => {
      const text = config("lifecycle: { protect: [link/office] }\n");
      const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
      const hooks = { onEvent: () => undefined, shouldStop: () => undefined };
      return [await session.apply(planned, hooks), await session.apply(planned, hooks)];
    });
    expect(outcome).toEqual([
      { generation: 2, changed: false, recorded: true },
      { generation: 2, changed: false },
    ]);
  });

  test("while a state waits to be confirmed another is refused before it is shown", async () => {
    await withSession(async (session) => {
      const planned = await session.plan(await session.load([{ name: "c.yaml", text: config() }]));
      await session.refuseAwaiting();
      await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined, confirmWithinMs: 60_000 });
    });
    await expect(withSession((session) => session.refuseAwaiting())).rejects.toMatchObject({ kind: "locked" });
    await withSession((session) => session.confirm());
    await withSession((session) => session.refuseAwaiting());
  });
});

describe("awg explain on a simulated Mac", () => {
  const FLAT = tunnelConfig({
    keyFile: "KEY",
    killSwitch: "{ enabled: true, allowLan: true }",
    more: "name: laptop\n",
  });

  test("speaks of routes and of PF's anchor, never of Linux's marks and policy rules", async () => {
    writeFileSync(machine(), JSON.stringify({ os: "darwin" }));
    await apply(FLAT.replace("KEY", join(folder, "key")));
    const explained = await withSession((session) => session.explain(ask("203.0.113.7", { port: 443 })));
    expect(explained).toMatchObject({ system: "darwin", disagreements: [] });
    expect(explained.live).toMatchObject({ device: explained.declared.path, verdict: "accept" });
    expect(explained.live.route).toMatch(/^(?:default|0\.0\.0\.0\/1|128\.0\.0\.0\/1) interface /);
    const shown = renderTrace(explained, styleFor(false));
    expect(shown).toContain("anchor com.awg: ");
    expect(shown).not.toMatch(/lookup|fwmark|mark|policy rule|32766|table/);
    const lan = await withSession((session) => session.explain(ask("192.168.1.7", { port: 631 })));
    expect(lan).toMatchObject({ disagreements: [], live: { verdict: "accept" } });
    expect(renderTrace(lan, styleFor(false))).not.toMatch(/lookup|fwmark|policy rule/);
    expect(renderExplanation(lan, styleFor(false)).split("\n")).toEqual([
      expect.stringMatching(/^192\.168\.1\.7, tcp port 631, uid /),
      expect.stringMatching(/^ {2}allowed by killSwitch\.allowLan, leaves by \w+ in clear$/),
    ]);
  });
});

describe("awg explain on the simulated machine", () => {
  test.each([
    [
      "the default",
      ask("198.51.100.7", { port: 443 }),
      { path: "awg-office", device: "awg-office", verdict: "accept" },
      "S4.7",
    ],
    [
      "a direct rule",
      ask("203.0.113.7", { port: 80 }),
      { path: "direct", device: "eth0", verdict: "accept" },
      "rules/0 (mirror)",
    ],
    [
      "a blocked user",
      ask("203.0.113.7", { port: 81, user: "1500" }),
      { path: "block", verdict: "drop" },
      "rules/1 (backup)",
    ],
    ["DNS to another server", ask("9.9.9.9", { port: 53, protocol: 17 }), { path: "block", verdict: "drop" }, "S4.3"],
    ["DNS to the declared one", ask("10.8.0.1", { port: 53 }), { path: "awg-office", verdict: "accept" }, "S4.2"],
    ["IPv6", ask("2001:db8:77::7"), { path: "awg-office", device: "awg-office", verdict: "accept" }, "S4.7"],
  ])("%s", async (_name, question, side, reason) => {
    await apply(config());
    const explained = await withSession((session) => session.explain(question));
    expect(explained.declared).toMatchObject(side);
    expect(explained.live).toMatchObject(side);
    expect(explained.declared.reason).toContain(reason);
    expect(explained).toMatchObject({ generation: 1, disagreements: [] });
  });

  test("says nothing of how well a policy is kept where there is none", async () => {
    const explained = await withSession((session) => session.explain(ask("198.51.100.7", { port: 443 })));
    const text = renderExplanation(explained, styleFor(false));
    expect(text).toMatch(/^ {2}awg has nothing applied; the kernel sends it by eth0 in clear$/m);
    expect(text).not.toMatch(/enforced|unmarked|generation/);
    expect(explanationDocument(explained)).toMatchObject({ enforcement: null });
  });

  test("shows the policy rule, the table and the tunnel's state", async () => {
    await apply(config());
    const explained = await withSession((session) => session.explain(ask("198.51.100.7", { port: 443 })));
    expect(explained.declared.policyRule).toMatch(/^10110: from all fwmark 0x1000000/);
    expect(explained.declared.route).toContain("dev awg-office");
    expect(explained.tunnel).toMatchObject({ device: "awg-office" });
    expect(explained.enforcement).toBe("enforced");
  });

  test("shouts where the machine does something else", async () => {
    await apply(config());
    tamper((state) => {
      state.rules = state.rules.filter(({ rule }) => rule.preference < 10_100 || rule.preference > 10_999);
    });
    const explained = await withSession((session) => session.explain(ask("198.51.100.7", { port: 443 })));
    expect(explained.disagreements.join("\n")).toContain("device: declared awg-office, the kernel has eth0");
    expect(explained.live.verdict).toBe("drop");
  });

  const beforeOurs = (change: (state: MachineState) => MachineState["rules"][number]["rule"]) =>
    tamper((state) => {
      state.rules.push({ rule: change(state), protocol: 4 });
    });
  const toTunnelTable = (destination: string) => (state: MachineState) => {
    const ours = state.rules.find(({ rule }) => rule.preference === 10_110 && rule.family === 4);
    if (ours === undefined) throw new Error("there is no such rule");
    return { ...ours.rule, preference: 100, match: { destination } };
  };

  test("shows another policy rule that leads the packet to the same device", async () => {
    await apply(config());
    beforeOurs(toTunnelTable("198.51.100.7/32"));
    const explained = await withSession((session) => session.explain(ask("198.51.100.7", { port: 443 })));
    expect(explained.disagreements).toEqual([
      expect.stringMatching(
        /^policy rule: declared 10110: .*, the kernel has 100: from all to 198\.51\.100\.7\/32 lookup/,
      ),
    ]);
    expect(renderExplanation(explained, styleFor(false))).toMatch(/^DISAGREE policy rule: /m);
    const other = await withSession((session) => session.explain(ask("198.51.100.8", { port: 443 })));
    expect(other.disagreements).toEqual([]);
  });

  test("shows another route that leads the packet to the same device", async () => {
    await apply(config());
    tamper((state) => {
      const ours = state.routes.find(
        ({ device, destination }) => device === "awg-office" && destination === "0.0.0.0/0",
      );
      if (ours === undefined) throw new Error("there is no such route");
      state.routes.push({ ...ours, destination: "198.51.100.0/24" });
    });
    const explained = await withSession((session) => session.explain(ask("198.51.100.7", { port: 443 })));
    expect(explained.disagreements).toEqual([
      expect.stringMatching(
        /^route: declared 0\.0\.0\.0\/0 dev awg-office .*, the kernel has 198\.51\.100\.0\/24 dev awg-office/,
      ),
    ]);
  });

  test("says that nothing leaves where there is no uplink, by a tunnel either", async () => {
    await apply(config());
    const notesOn = async (destination: string) =>
      (await withSession((session) => session.explain(ask(destination, { port: 80 })))).notes;
    const nowhere = (notes: readonly string[]) => notes.filter((note) => note.includes("nothing leaves"));
    for (const flow of ["203.0.113.7", "198.51.100.7"]) expect(nowhere(await notesOn(flow))).toEqual([]);
    tamper((state) => {
      state.routes = state.routes.filter(({ destination, table }) => destination !== "0.0.0.0/0" || table !== 254);
    });
    expect(nowhere(await notesOn("203.0.113.7"))).toEqual([
      "no route leads directly to 203.0.113.7, so nothing leaves: the host has no uplink, or no default route by it",
    ]);
    expect(nowhere(await notesOn("198.51.100.7"))).toEqual([
      "no route leads to 192.0.2.1, where awg-office sends what it carries, so nothing leaves: the host has no uplink, or no default route by it",
    ]);
  });

  test("an address with a device is refused with the address alone", async () => {
    await expect(withSession((session) => session.explain(ask("fe80::1%eth1")))).rejects.toMatchObject({
      kind: "usage",
      message: "fe80::1%eth1 names a device, which alone decides the path",
      remedy: "give the address without it: fe80::1",
    });
  });

  test("knows names of the machine, and refuses others", async () => {
    await apply(config());
    await expect(withSession((session) => session.explain(ask("nowhere.example")))).rejects.toMatchObject({
      kind: "usage",
    });
  });
});
