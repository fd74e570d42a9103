import { readFileSync } from "node:fs";
import { ADOPTION_CONTRACT } from "./clauses/adoption.contract.ts";
import { CLASSIFIER_CONTRACT } from "./clauses/classifier.contract.ts";
import { DARWIN_CONTRACT } from "./clauses/darwin.contract.ts";
import { HOST_CONTRACT } from "./clauses/host.contract.ts";
import { MACHINE_CONTRACT } from "./clauses/machine.contract.ts";
import { REFUSED_CONTRACT } from "./clauses/refused.contract.ts";
import { SERVICE_CONTRACT } from "./clauses/services.contract.ts";
import { SITUATION_CONTRACT } from "./clauses/situations.contract.ts";
import { type Clause, type HostName, SITUATIONS, type Situation } from "./contract-world.ts";
import { excuse } from "./reasons.ts";

/** The interfaces of src/host/ports by the name that the contract has for them, each in a file of its own. */
const PORTS = {
  facts: "FactsPort",
  links: "LinkPort",
  engines: "EnginePort",
  routes: "RoutePort",
  firewall: "FirewallPort",
  "kernel/classifier": "ClassifierPort",
  "kernel/sysctl": "SysctlPort",
  resolver: "ResolverPort",
  probes: "ProbePort",
  processes: "ProcessPort",
  services: "ServicePort",
  "system-extension": "SystemExtensionPort",
} as const;
const NAMES: Readonly<Record<string, string>> = {
  "kernel/classifier": "classifier",
  "kernel/sysctl": "sysctl",
  "system-extension": "systemExtensions",
};

/**
 * Every method of every port, read from the interfaces themselves, so that a new one is missed here at once. A network
 * monitor is started by `watch` and stopped by disposing what that gave; notifications are one function.
 */
const METHODS: readonly string[] = [
  ...Object.entries(PORTS).flatMap(([file, type]) =>
    methodsOf(file, type).map((name) => `${NAMES[file] ?? file}.${name}`),
  ),
  ...methodsOf("network-events", "NetworkEvents").map((name) => `networkEvents.${name}`),
  "networkEvents.dispose",
  "notifications.show",
];

/** All clauses, in a fixed order. */
const CLAUSES: readonly Clause[] = [
  ...HOST_CONTRACT,
  ...SITUATION_CONTRACT,
  ...MACHINE_CONTRACT,
  ...SERVICE_CONTRACT,
  ...ADOPTION_CONTRACT,
  ...REFUSED_CONTRACT,
  ...CLASSIFIER_CONTRACT,
  ...DARWIN_CONTRACT,
];

/** The clauses that this host is held to. */
export function clausesOf(host: HostName): readonly Clause[] {
  return CLAUSES.filter(({ notOn }) => notOn?.[host] === undefined);
}

/** Whether a clause leaves the network alone: on Linux it needs no namespace, and the process connector knows none. */
export function isOfThisMachine({ port }: Clause): boolean {
  return port === "processes" || port === "services" || port === "notifications";
}

export interface Coverage {
  /** Methods × situations. */
  readonly cells: number;
  /** Methods in situations that a clause puts them in. */
  readonly covered: number;
  /** Those no clause can, each with its reason. */
  readonly explained: readonly string[];
  /** Those that nobody speaks of: an unexplained gap. */
  readonly uncovered: readonly string[];
  /** Explanations for what a clause covers all the same, and clauses about no method. */
  readonly idle: readonly string[];
}

/** How much of methods × situations the clauses of a host reach. */
export function coverageOf(host: HostName): Coverage {
  const reached = new Set(
    clausesOf(host).flatMap(({ covers }) =>
      covers.flatMap(([method, ...rest]) => rest.map((one) => `${method} ${one}`)),
    ),
  );
  const cells = METHODS.flatMap((method) => SITUATIONS.map((situation) => [method, situation] as const));
  const reason = ([method, situation]: readonly [string, Situation]) => excuse(host, method, situation);
  const missing = cells.filter(([method, situation]) => !reached.has(`${method} ${situation}`));
  const uncovered = missing.filter((cell) => reason(cell) === undefined);
  return {
    cells: cells.length,
    covered: cells.length - missing.length,
    explained: missing.flatMap((cell) => (reason(cell) === undefined ? [] : [`${cell.join(" ")}: ${reason(cell)}`])),
    uncovered: uncovered.map((cell) => cell.join(" ")),
    idle: [...reached].filter((cell) => !cells.some((known) => known.join(" ") === cell)),
  };
}

/** For people: how many clauses, how much they reach, which are of other hosts alone, and why the rest is not reached. */
export function reportOf(host: HostName): string {
  const { cells, covered, explained } = coverageOf(host);
  const asked = clausesOf(host).length;
  const left = CLAUSES.flatMap(({ port, promise, notOn }) => {
    const reason = notOn?.[host];
    return reason === undefined ? [] : [`not asked: ${port}: ${promise}: ${reason}`];
  });
  const count = `${host}: ${asked} clauses, ${covered} of ${cells} methods in situations, ${explained.length} explained`;
  return [count, ...left, ...explained].join("\n");
}

function methodsOf(file: string, type: string): readonly string[] {
  const text = readFileSync(new URL(`../../src/host/ports/${file}.ts`, import.meta.url), "utf8");
  const body = new RegExp(`export interface ${type} \\{\\n([\\s\\S]*?)\\n\\}`).exec(text)?.[1] ?? "";
  const names = [...body.matchAll(/^ {2}(\w+)\??\(/gm)].map(([, name = ""]) => name);
  if (names.length === 0) throw new Error(`${file}.ts declares no method of ${type}`);
  return names;
}
