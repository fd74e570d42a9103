import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderNft } from "../../src/host/linux/nft/render/render-nft.ts";
import { simulatedHost } from "../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../src/host/simulated/machine.ts";
import { laptopState } from "../../src/host/simulated/machine-state.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { expand } from "../../src/resources/expand.ts";
import { type Figure, medianMs } from "../measure.ts";

const RULES = 1000;
const EVERY = 20;
const PREFIXES_OF_ONE = 1000;
const RUNS = 9;
const DEMAND_MS = 300;

/** From a loaded config to the resources and the nftables rules of 1,000 rules, which name 50,000 prefixes and 50 programs. */
export async function benchCompile(): Promise<readonly Figure[]> {
  const facts = await simulatedHost(new SimulatedMachine(laptopState())).facts.read({ users: [], hosts: [] });
  const config = bigConfig();
  const compile = () => {
    const expansion = expand(config, facts, { pathNumbers: {}, secrets: () => "0".repeat(64) as SecretId });
    if (expansion.unsupported.length > 0) throw new Error(expansion.unsupported[0]?.message);
    const policy = expansion.desired.resources.find(({ kind }) => kind === "firewall");
    if (policy?.kind !== "firewall") throw new Error("no policy");
    return renderNft(policy.spec, { devices: ["eth0"], identity: "", ownedTables: true });
  };
  const text = JSON.stringify(config);
  const parse = medianMs(RUNS, () => JSON.parse(text));
  const name = `compile of ${RULES} rules, ${(RULES / EVERY) * PREFIXES_OF_ONE} prefixes (JSON.parse of them: ${parse.toFixed(1)} ms)`;
  const peer = { name: "what is demanded", value: DEMAND_MS };
  return [{ name, unit: "ms", ours: medianMs(RUNS, compile), peer, atMost: 1 }];
}

function bigConfig(): Config {
  const text = `apiVersion: awg/v1
name: bench
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /nowhere }
    addresses: [192.168.77.2/32]
    peers:
      - { publicKey: "${"A".repeat(42)}E=", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }
rules:
${Array.from({ length: RULES }, (_, n) => `  - { ${ruleText(n)}, via: ${n < RULES / 2 ? "direct" : "office"} }`).join("\n")}
default: { via: office }
killSwitch: { enabled: true }
`;
  const { config, problems } = loadConfig([{ name: "bench.yaml", text, mode: 0o600 }]);
  if (config === undefined) throw new Error(`the bench's config is wrong: ${problems[0]?.message}`);
  return config;
}

function ruleText(n: number): string {
  if (n % EVERY === 0) {
    const prefixes = Array.from(
      { length: PREFIXES_OF_ONE },
      (_, at) => `10.${n / EVERY}.${at >> 2}.${(at & 3) << 6}/27`,
    );
    return `destinations: [${prefixes.join(", ")}]`;
  }
  if (n % EVERY === 1) return `apps: [{ path: /opt/app-${n}/bin }]`;
  return `destinations: [172.${16 + (n >> 8)}.${n & 255}.0/24], ports: [${1000 + (n % 7)}], protocol: tcp`;
}
