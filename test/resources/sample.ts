import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import type { HostFacts } from "../../src/host/ports/facts.ts";
import type { Host } from "../../src/host/ports/host.ts";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { laptopState, type MachineState } from "../../src/host/simulated/machine-state.ts";
import type { StepOf } from "../../src/model/plan.ts";
import type { FieldChange, Resource, ResourceKey, ResourceKind, ResourceOf, Spec } from "../../src/model/resource.ts";
import type { SecretId, SecretRef } from "../../src/model/secret.ts";
import { type ExpandOptions, type Expansion, expand } from "../../src/resources/expand.ts";
import { sampleConfig } from "../support/config.ts";

/** Public keys of nobody. */
export const KEY_A = "YW5vdGhlciBwdWJsaWMga2V5IG9mIDMyIGJ5dGVzISE=";
export const KEY_B = "c2hvcnQga2V5cyBhcmUgbm90IGdvb2Qga2V5cyBhdCE=";

/** A laptop with an Ethernet uplink in both families. */
export function facts(overrides: Partial<HostFacts> = {}): HostFacts {
  return {
    os: "linux",
    fingerprint: "laptop",
    capabilities: laptopState().capabilities,
    uplinks: [
      { family: 4, device: "eth0", gateway: "192.168.1.1", metric: 100 },
      { family: 6, device: "eth0", gateway: "fe80::1", metric: 100 },
    ],
    devices: [{ name: "eth0", mtuBytes: 1500 }],
    serviceUid: 64_174,
    uids: { root: 0, alice: 1000, bob: 1001, backup: 34 },
    addresses: {
      "vpn.example.com": ["198.51.100.7"],
      "gate.example.net": ["203.0.113.9", "2001:db8:9::9"],
    },
    resolver: "file",
    ...overrides,
  };
}

/** Capabilities of the laptop, some of them changed. */
export function capabilities(overrides: Partial<HostFacts["capabilities"]>): Partial<HostFacts> {
  return { capabilities: { ...laptopState().capabilities, ...overrides } };
}

/** A host that knows the user of a packet by its socket alone. */
export const WITHOUT_CLASSIFIER = capabilities({ classifier: { ok: false, reason: "the kernel has no BTF" } });

/** The id of a secret that tells which one it is. */
export function secretOf(ref: SecretRef): SecretId {
  return `id of ${JSON.stringify(ref)}` as SecretId;
}

/** Reads a configuration; a test that writes a wrong one fails with the problem. */
export function configOf(text: string): Config {
  const { config, problems } = loadConfig([{ name: "test.yaml", text: sampleConfig(`${text}`) }]);
  if (config === undefined) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
  return config;
}

export function expandText(
  text: string,
  overrides: Partial<HostFacts> = {},
  options: Partial<ExpandOptions> = {},
): Expansion {
  return expand(configOf(text), facts(overrides), { pathNumbers: {}, secrets: secretOf, ...options });
}

/** The resource of a key, which must be there. */
export function resourceOf<K extends ResourceKind>(expansion: Expansion, key: ResourceKey<K>): ResourceOf<K> {
  const found = expansion.desired.resources.find((resource) => resource.key === key);
  if (found === undefined)
    throw new Error(`no ${key} among ${expansion.desired.resources.map((r: Resource) => r.key)}`);
  return found as unknown as ResourceOf<K>;
}

/** A simulated laptop and the host that acts on it. */
export function laptop(change: (state: MachineState) => void = () => {}): { machine: SimulatedMachine; host: Host } {
  const state = laptopState();
  change(state);
  const machine = new SimulatedMachine(state);
  return { machine, host: simulatedHost(machine) };
}

/** One step, as the planner would cut it. */
export function step<K extends ResourceKind>(
  key: ResourceKey<K>,
  before: Spec<K> | null,
  after: Spec<K> | null,
  action?: StepOf<K>["action"],
): StepOf<K> {
  const kind = key.slice(0, key.indexOf("/")) as K;
  const verb = action ?? (before === null ? "create" : after === null ? "delete" : "update");
  return { kind, key, action: verb, phase: "prepare", before, after, changes: [], reason: "test" };
}

/** The fields that changes name. */
export function fieldsOf(changes: readonly FieldChange[]): string[] {
  return changes.map(({ field }) => field);
}
