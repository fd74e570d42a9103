import { expect, test } from "vitest";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();

test("two generations side by side: fields from one value to the other, policy rules as ip rule prints them", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  const rule = "rules: [{ name: printers, destinations: [192.168.7.0/24], via: direct }]";
  await bench.apply(bench.config({ office: { mtu: 1300 } }, rule));
  const differences = await bench.ask((session) => session.compare(1, 2));
  expect(differences.map(({ key, action }) => `${action} ${key}`)).toEqual([
    "update firewall/machine",
    "update link/office",
    "update routes/policy",
  ]);
  expect(differences.find(({ key }) => key === "link/office")?.changes).toEqual([
    { field: "/mtuBytes", before: 1400, after: 1300 },
  ]);
  const rules = JSON.stringify(differences.find(({ key }) => key === "routes/policy")?.changes);
  expect(rules).toContain("-4 10200: from all to 192.168.7.0/24 lookup main");
  expect(rules).not.toContain("preference");
});
