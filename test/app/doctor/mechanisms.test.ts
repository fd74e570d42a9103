import { expect, test } from "vitest";
import { hostMechanisms } from "../../../src/app/doctor/mechanisms.ts";
import { refusalOf } from "../../../src/config/feature/support.ts";
import type { Capabilities } from "../../../src/host/ports/facts.ts";
import { facts } from "../../resources/sample.ts";

const found = (changes: Partial<Capabilities>, system: "linux" | "darwin" = "linux") =>
  hostMechanisms({ ...facts().capabilities, ...changes }, system);

test("law 9: a mechanism that is missing says what follows, one that works what it is for", () => {
  const { mechanisms } = found({ nftables: false, egressHook: true, classifier: { ok: false, reason: "no BTF" } });
  const textOf = (id: string) => mechanisms.find((one) => one.id === id);
  expect(textOf("nftables")).toMatchObject({ isAvailable: false, text: "no kill switch is possible" });
  expect(textOf("egress-hook")).toMatchObject({ isAvailable: true });
  expect(textOf("classifier")).toMatchObject({ isAvailable: false, text: "no rule by program: no BTF" });
});

test("the refused keys are those that a plan refuses, in its words", () => {
  for (const system of ["linux", "darwin"] as const) {
    const { refused } = found({}, system);
    expect(refused.length).toBeGreaterThan(3);
    for (const { feature, reason } of refused) expect(reason).toBe(refusalOf(feature as never, system));
  }
});

test("a Mac has PF and utun, and nothing of Linux", () => {
  const ids = found({ pf: true }, "darwin").mechanisms.map(({ id }) => id);
  expect(ids).toContain("pf");
  expect(ids).not.toContain("nftables");
});
