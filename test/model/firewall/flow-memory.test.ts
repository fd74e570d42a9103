import { describe, expect, test } from "vitest";
import { classesIn, flowMemoryOf } from "../../../src/model/firewall/flow-memory.ts";
import type { PortRange } from "../../../src/model/firewall/policy.ts";
import { between } from "../../../src/model/firewall/transition.ts";
import { BLOCK, DIRECT, policyOf } from "./policies.ts";

const uid = (from: number, to = from): PortRange => ({ from, to });
const policyFor = (...named: readonly (readonly PortRange[])[]) =>
  policyOf({
    flows: {
      rules: named.map((uids, index) => ({ origin: `rules/${index}`, match: { uids }, path: BLOCK })),
      default: DIRECT,
    },
  });

function classesOf(policy: ReturnType<typeof policyFor> | null) {
  const memory = policy === null ? undefined : flowMemoryOf(policy);
  if (memory?.kind !== "kept") throw new Error("nothing is kept");
  return memory.classes;
}

const namesOf = (policy: ReturnType<typeof policyFor> | null) => classesOf(policy).map(({ name }) => name);

describe("the kinds of users which flows are remembered (S4.10)", () => {
  test("have the same name wherever they are the same users, and no other", () => {
    expect(namesOf(policyFor([uid(1500)]))).toEqual(["0-1499.1501-4294967295", "1500"]);
    expect(namesOf(policyFor([uid(1500, 1509), uid(1510, 1599)]))).toEqual(namesOf(policyFor([uid(1500, 1599)])));
    expect(namesOf(policyFor([uid(7)], [uid(1500)]))).toEqual(["0-6.8-1499.1501-4294967295", "7", "1500"]);
    expect(namesOf(policyFor([uid(0, 0xffff_ffff)]))).toEqual(["nobody", "0-4294967295"]);
  });

  test("have names that a set can have, however many users they are", () => {
    const odd = (first: number) => Array.from({ length: 500 }, (_, index) => uid(first + 2 * index));
    const [few, many, others] = [[uid(3)], odd(2001), odd(2003)].map((uids) => namesOf(policyFor(uids)));
    for (const name of [...(few ?? []), ...(many ?? []), ...(others ?? [])]) expect(name).toMatch(/^[0-9a-f.-]{1,64}$/);
    expect(new Set([...(many ?? []), ...(others ?? [])]).size).toBe(4);
  });

  test("are those of both policies while one becomes the other", () => {
    const [before, after] = [policyFor([uid(1500, 1599)]), policyFor([uid(1550, 1649)])];
    const changing = between(before, after);
    expect(namesOf(changing)).toEqual(["0-1499.1650-4294967295", "1500-1549", "1550-1599", "1600-1649"]);
    const named = ({ steering }: typeof before) => classesIn(classesOf(changing), steering.rules[0]?.match.uids ?? []);
    expect(named(before).map(({ name }) => name)).toEqual(["1500-1549", "1550-1599"]);
    expect(named(after).map(({ name }) => name)).toEqual(["1550-1599", "1600-1649"]);
  });
});
