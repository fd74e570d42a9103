import { describe, expect, test } from "vitest";
import { markAfterSteering } from "../../src/model/firewall/evaluate.ts";
import type { PathRef } from "../../src/model/firewall/policy.ts";
import { parseIp } from "../../src/model/ip.ts";
import { isTunnelNumber, MARK_MASK, markOfPath, PATH_NUMBERS, tableOfPath } from "../../src/model/ownership.ts";
import type { PolicyRule } from "../../src/model/resources/routes.ts";
import { policyRules } from "../../src/resources/expand/policy-rules.ts";
import { type KnownRoute, LOCAL_TABLE } from "../../src/verify/routing/routing.ts";
import { verifyRouting } from "../../src/verify/routing/verify-routing.ts";
import { policyOf } from "../model/firewall/policies.ts";

const MAIN = 254;
const EARLIER_MASK = 0x3f00_0000;
const FAMILIES = [4, 6] as const;
const ANYWHERE = { 4: "0.0.0.0/0", 6: "::/0" } as const;
const numbers = Array.from({ length: PATH_NUMBERS.lastTunnel }, (_, index) => index + 1).filter(isTunnelNumber);

/** A machine whose one tunnel has this path number. */
function machineOf(number: number) {
  const device = "awg-one";
  const path: PathRef = { kind: "tunnel", device, number };
  const tunnels = [{ device, number, addresses: ["10.8.0.2", "fd00:8::2"], families: [4, 6] as const }];
  const policy = policyOf({ tunnels, flows: { rules: [], default: path } });
  const route = (table: number, more: Partial<KnownRoute>): KnownRoute[] =>
    FAMILIES.map((family) => ({ family, table, destination: ANYWHERE[family], type: "unicast", metric: 0, ...more }));
  const routes = [
    ...route(MAIN, { device: "eth0" }),
    ...route(tableOfPath(number), { device }),
    ...route(tableOfPath(number), { type: "unreachable", metric: 4_278_198_272 }),
    ...route(tableOfPath(PATH_NUMBERS.engine), { type: "unreachable", metric: 4_278_198_272 }),
  ];
  const others: PolicyRule[] = FAMILIES.flatMap((family) => [
    { family, preference: 0, match: {}, table: LOCAL_TABLE },
    { family, preference: 32_766, match: {}, table: MAIN },
  ]);
  return { policy, routes, rules: [...policyRules(policy).rules, ...others] };
}

function findings({ policy, routes, rules }: ReturnType<typeof machineOf>) {
  const routing = { routes, rules: rules.map((rule) => ({ rule })) };
  const links = [{ device: "awg-one", addresses: ["10.8.0.2/32", "fd00:8::2/128"] }];
  return verifyRouting({ policy, routing, links, devices: ["eth0", "awg-one"], sources: ["192.168.1.2"] });
}

describe(`all ${numbers.length} path numbers`, () => {
  test("the mark that steering gives is the one that the policy rules ask for, whatever mark was there", () => {
    const packet = {
      hook: "output",
      source: parseIp("10.8.0.2") as NonNullable<ReturnType<typeof parseIp>>,
      destination: parseIp("203.0.113.7") as NonNullable<ReturnType<typeof parseIp>>,
      protocol: 17,
      uid: 1000,
    } as const;
    for (const number of numbers) {
      const { policy, rules } = machineOf(number);
      for (const mark of [0, 0x51, 0xffff_ffff, 0x8000_0000, markOfPath(PATH_NUMBERS.engine)]) {
        const steered = markAfterSteering(policy, { ...packet, mark });
        expect(steered, `path ${number}`).toBe(number * 2 ** 24 + (mark % 2 ** 24));
        const asked = rules.filter(
          ({ match }) => match.mark !== undefined && (steered & match.mark.mask) >>> 0 === match.mark.value,
        );
        expect(new Set(asked.map(({ table }) => table)), `path ${number}`).toEqual(new Set([tableOfPath(number)]));
      }
    }
  });

  test("are routed where they belong, and a rule that asks for another mark is found", () => {
    for (const number of numbers.filter((one) => one % 21 === 1 || one > 250)) {
      const machine = machineOf(number);
      expect(findings(machine), `path ${number}`).toEqual([]);
      const rules = machine.rules.map((rule): PolicyRule => {
        const isPaths = rule.match.mark?.value === markOfPath(number);
        const value = markOfPath(number === 64 ? 65 : number ^ 0x80);
        return isPaths ? { ...rule, match: { ...rule.match, mark: { value, mask: MARK_MASK } } } : rule;
      });
      const isDefault = ({ match }: PolicyRule) => Object.keys(match).length === 0;
      const marksAlone = rules.filter((rule) => rule.table !== tableOfPath(number) || !isDefault(rule));
      expect(findings({ ...machine, rules: marksAlone }).length, `path ${number}`).toBeGreaterThan(0);
    }
  });

  test("rules of a version with six bits lead the tunnels that it could have as they did", () => {
    for (const number of [1, 32, 60]) {
      const machine = machineOf(number);
      const rules = machine.rules.map((rule): PolicyRule => {
        const { mark } = rule.match;
        return mark === undefined ? rule : { ...rule, match: { ...rule.match, mark: { ...mark, mask: EARLIER_MASK } } };
      });
      expect(findings({ ...machine, rules }), `path ${number}`).toEqual([]);
    }
  });
});
