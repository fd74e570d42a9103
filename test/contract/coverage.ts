import { type Clause, type HostName, SITUATIONS, type Situation } from "./contract-world.ts";
import { DARWIN_CONTRACT } from "./darwin.contract.ts";
import { HOST_CONTRACT } from "./host.contract.ts";
import { SITUATION_CONTRACT } from "./situations.contract.ts";

/** Every method of the ports that all hosts have. */
const METHODS = [
  "facts.read",
  "links.read",
  "links.ensure",
  "links.remove",
  "engines.read",
  "engines.readAll",
  "engines.ensure",
  "engines.remove",
  "routes.readRoutes",
  "routes.readRules",
  "routes.change",
  "firewall.read",
  "firewall.load",
  "firewall.fallBack",
  "sysctl.read",
  "sysctl.write",
  "resolver.read",
  "resolver.ensure",
  "resolver.restore",
] as const;

/** All clauses, in a fixed order. */
const CLAUSES: readonly Clause[] = [...HOST_CONTRACT, ...SITUATION_CONTRACT, ...DARWIN_CONTRACT];

/** The clauses that this host is held to. */
export function clausesOf(host: HostName): readonly Clause[] {
  return CLAUSES.filter(({ notOn }) => notOn?.[host] === undefined);
}

export interface Coverage {
  /** Methods in situations that a clause puts them in. */
  readonly covered: number;
  /** Those no clause can, each with its reason. */
  readonly explained: readonly string[];
  /** Those that nobody speaks of: an unexplained gap. */
  readonly uncovered: readonly string[];
  /** Explanations for what a clause covers all the same. */
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
  const missing = cells.filter(([method, situation]) => !reached.has(`${method} ${situation}`));
  const explained = missing.flatMap(([method, situation]) => {
    const reason = reasonFor(host, method, situation);
    return reason === undefined ? [] : [`${method} ${situation}: ${reason}`];
  });
  const uncovered = missing.filter(([method, situation]) => reasonFor(host, method, situation) === undefined);
  return {
    covered: cells.length - missing.length,
    explained,
    uncovered: uncovered.map((cell) => cell.join(" ")),
    idle: [...reached].filter((cell) => !cells.some((known) => known.join(" ") === cell)),
  };
}

/** Why a method cannot be put in a situation on a host; undefined where there is no reason. */
function reasonFor(host: HostName, method: (typeof METHODS)[number], situation: Situation): string | undefined {
  const [port = "", name = ""] = method.split(".");
  if (name.startsWith("read") && (situation === "already so" || situation === "partial")) {
    return "reading changes nothing, so that nothing is so already or half done";
  }
  if (method === "facts.read" && situation === "gone") return "there is always a machine";
  if (situation === "refused") return reasonWithoutRights(host, port, name);
  if (host === "darwin") return reasonOnDarwin(method);
  return undefined;
}

function reasonWithoutRights(host: HostName, port: string, name: string): string | undefined {
  if (host === "simulated") return "nobody on the simulated machine has fewer rights than root";
  if (host === "linux")
    return "a session asks for root before the host is asked (requireRights of compose/linux-parts.ts)";
  if (port === "engines") return "engines are the keeper's, which hears root alone (test/keeper/darwin)";
  if (port === "sysctl") return "macOS has no setting that awg sets";
  if (name === "fallBack") return "PF holds nothing that ends by itself, so that there is no fallback";
  return name.startsWith("read") ? "anybody may read it" : undefined;
}

function reasonOnDarwin(method: (typeof METHODS)[number]): string | undefined {
  switch (method) {
    case "sysctl.read":
    case "sysctl.write":
      return "macOS has no setting that awg sets";
    case "firewall.fallBack":
      return "PF holds nothing that ends by itself, so that there is no fallback (docs/security.md S13.10)";
    default:
      return undefined;
  }
}
