import { describe, expect, test } from "vitest";
import { MECHANISMS, PURPOSES } from "../../../src/app/capabilities/mechanism-catalogue.ts";
import { hostMechanisms, purposesWithout, type Trials } from "../../../src/app/capabilities/mechanisms.ts";
import { refusalOf } from "../../../src/config/feature/support.ts";
import type { ClassifierCapability, HostFacts } from "../../../src/host/ports/facts.ts";
import { capabilities, facts } from "../../resources/sample.ts";

const found = (changes: Partial<HostFacts>, trials: Trials = {}) => hostMechanisms(facts(changes), trials);
const one = (id: string, changes: Partial<HostFacts>, trials: Trials = {}) =>
  found(changes, trials).mechanisms.find((mechanism) => mechanism.id === id);
const queue = (kind: string) => ({ devices: [{ name: "eth0", mtuBytes: 1500, queue: kind }] });

describe("law 9: the mechanisms of a host", () => {
  test("one that is missing says what follows and why, one that works what it is for", () => {
    const host = capabilities({ nftables: false, classifier: { ok: false, reason: "no BTF" } });
    expect(one("nftables", host)).toMatchObject({ isAvailable: false, text: "no kill switch is possible" });
    expect(one("egress-hook", host)).toMatchObject({ isAvailable: true, purpose: "packet-filter" });
    expect(one("classifier", host)).toMatchObject({ isAvailable: false, text: "no rule by program: no BTF" });
  });

  test("a kernel that classifies may lack the loops that patterns need", () => {
    const noPatterns = "patterns on programs need Linux 5.17: E2BIG";
    const text = (classifier: ClassifierCapability) => one("classifier-patterns", capabilities({ classifier }))?.text;
    expect(text({ ok: true, noPatterns })).toBe(`a rule by pattern is refused: ${noPatterns}`);
    expect(text({ ok: true })).toBe("rules by a pattern on a path or command line");
    expect(text({ ok: false, reason: "no BTF" })).toBe("a rule by pattern is refused: no BTF");
  });

  test("each is tried: what was not is not there", () => {
    expect(one("sock-diag", {})).toMatchObject({ isAvailable: false });
    expect(one("sock-diag", {}, { "sock-diag": { ok: true } })).toMatchObject({ isAvailable: true });
    expect(one("proc-events", {}, { "proc-events": { ok: false, reason: "a container" } })?.text).toContain(
      "a container",
    );
    expect(one("tc-htb", { rates: { filter: true, htb: true, ifb: false } })).toMatchObject({ isAvailable: true });
    expect(one("ifb-tc", { rates: { filter: true, htb: true, ifb: false } })).toMatchObject({ isAvailable: false });
  });

  test("the queue of the uplink is named, and whether it sorts", () => {
    expect(one("queue", queue("pfifo_fast"))).toMatchObject({ isAvailable: true, name: "queue of eth0: pfifo_fast" });
    expect(one("queue", queue("fq_codel"))?.text).toBe("limit.priority has no effect: it does not sort");
    expect(one("queue", { uplinks: [] })?.text).toContain("no default route");
  });

  test("a purpose for which nothing is available is known", () => {
    expect(purposesWithout(found({ rates: { filter: false } }).mechanisms)).toContain("download-rate");
    expect(purposesWithout(found({ rates: { filter: true } }).mechanisms)).not.toContain("download-rate");
  });
});

test("the refused keys are those that a plan refuses, in its words", () => {
  for (const os of ["linux", "darwin"] as const) {
    const { refused } = found({ os });
    expect(refused.length).toBeGreaterThan(3);
    for (const { feature, reason } of refused) expect(reason).toBe(refusalOf(feature as never, os));
  }
});

test("both systems answer for every purpose, and a Mac has nothing of Linux", () => {
  for (const system of ["linux", "darwin"] as const)
    expect(new Set(MECHANISMS[system].map(({ purpose }) => purpose))).toEqual(new Set(Object.keys(PURPOSES)));
  const ids = MECHANISMS.darwin.map(({ id }) => id);
  for (const id of ["nftables", "nft-limit", "tc-htb", "ifb-tc", "ebpf-cgroup", "classifier", "proc"])
    expect(ids).not.toContain(id);
  expect(ids.length).toBe(new Set(ids).size);
});
