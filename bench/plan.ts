import type { Config } from "../src/config/config.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { simulatedHost } from "../src/host/simulated/host.ts";
import { SimulatedMachine } from "../src/host/simulated/machine.ts";
import { laptopState } from "../src/host/simulated/machine-state.ts";
import { stepsOf } from "../src/model/plan.ts";
import type { SecretId } from "../src/model/secret.ts";
import { observeMachine } from "../src/reconciler/apply/observe.ts";
import { EMPTY_LEDGER } from "../src/reconciler/plan/ledger.ts";
import { planChanges } from "../src/reconciler/plan/plan-changes.ts";
import { expand } from "../src/resources/expand.ts";
import { driverRegistry } from "../src/resources/registry.ts";
import { type Figure, medianMs } from "./measure.ts";

const RULES = 1_000;
const PREFIXES = 10_000;

/** Plan of 1,000 rules and 10,000 prefixes against parsing the same observed state from JSON. */
export async function benchPlan(): Promise<readonly Figure[]> {
  const machine = new SimulatedMachine(laptopState());
  const host = simulatedHost(machine);
  const facts = await host.facts.read({ users: [], hosts: [] });
  const config = bigConfig();
  const expansion = { pathNumbers: {}, secrets: () => "0".repeat(64) as SecretId };
  const { desired } = expand(config, facts, expansion);
  const nothing = await observeMachine(host, driverRegistry, desired, EMPTY_LEDGER);
  const { plan } = planChanges({ desired, observed: nothing, ledger: EMPTY_LEDGER, registry: driverRegistry });
  for (const step of stepsOf(plan)) await driverRegistry[step.kind].apply(host, [step as never]);
  const observed = await observeMachine(host, driverRegistry, desired, EMPTY_LEDGER);
  const left = planChanges({ desired, observed, ledger: EMPTY_LEDGER, registry: driverRegistry }).plan;
  if (stepsOf(left).some(({ action }) => action !== "adopt")) throw new Error("the machine is not as planned");
  const text = JSON.stringify([...observed.current].map(([kind, byKey]) => [kind, [...byKey]]));
  const ours = medianMs(15, () => planChanges({ desired, observed, ledger: EMPTY_LEDGER, registry: driverRegistry }));
  const whole = medianMs(15, () => {
    const expanded = expand(config, facts, expansion).desired;
    return planChanges({ desired: expanded, observed, ledger: EMPTY_LEDGER, registry: driverRegistry });
  });
  const peer = {
    name: `JSON.parse of the observed state (${Math.round(text.length / 1024)} KiB)`,
    value: medianMs(15, () => JSON.parse(text)),
  };
  const name = `plan of ${RULES} rules and ${PREFIXES} prefixes`;
  return [
    { name, unit: "ms", ours, peer, atMost: 20 },
    { name: `${name}, expanded from the config`, unit: "ms", ours: whole, peer, atMost: 20 },
  ];
}

function bigConfig(): Config {
  const rules = Array.from(
    { length: RULES },
    (_, n) => `  - { destinations: [172.${16 + (n >> 8)}.${n & 255}.0/24], via: ${n % 2 ? "direct" : "office"} }`,
  );
  const prefixes = Array.from({ length: PREFIXES }, (_, n) => `10.${n >> 8}.${n & 255}.0/24`);
  const text = `apiVersion: awg/v1
name: bench
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /nowhere }
    addresses: [192.168.77.2/32]
    peers:
      - { publicKey: "${"A".repeat(42)}E=", endpoint: "192.0.2.1:51820", allowedIPs: [${prefixes.join(", ")}] }
rules:
${rules.join("\n")}
default: { via: office }
killSwitch: { enabled: true }
`;
  const { config, problems } = loadConfig([{ name: "bench.yaml", text, mode: 0o600 }]);
  if (config === undefined) throw new Error(`the bench's config is wrong: ${problems[0]?.message}`);
  return config;
}
