import type { ProgramLine, ProgramRule, ResourceLine, StatusDocument } from "./documents.ts";
import { ruleText, tunnelName, tunnelText } from "./words.ts";

/** One way out of this host, as the picture of the network shows it. */
export interface NetworkPath {
  readonly name: string;
  readonly kind: "tunnel" | "proxy" | "direct" | "block";
  readonly tone: "good" | "quiet" | "warn" | "bad";
  /** Its state in words. */
  readonly state: string;
  /** Where it ends. */
  readonly end: string;
  /** Whether what no rule names goes here. */
  readonly isDefault: boolean;
  /** Names of programs whose rule sends them here, those with the most sockets first, each once. */
  readonly programs: readonly string[];
  /** Rules that send some traffic of other programs here: to some destinations, by some protocols. */
  readonly rules: readonly string[];
}

type Users = Pick<NetworkPath, "isDefault" | "programs" | "rules">;

/**
 * The ways out of this host: each tunnel and proxy, then the direct way and the blocked one where something takes it. Pure.
 */
export function pathsOf(status: StatusDocument, programs: readonly ProgramLine[]): readonly NetworkPath[] {
  const isHere = (rule: ProgramRule | null, via: string): boolean => rule !== null && pathNow(rule, status) === via;
  const usersOf = (via: string): Users => {
    const running = programs.filter(({ kernelThread }) => !kernelThread);
    const users = running.filter(({ rule }) => isHere(rule, via));
    const others = running.filter((one) => !users.includes(one)).flatMap(({ perhaps }) => perhaps);
    const parts = others.filter((rule) => isHere(rule, via)).map(({ origin }) => origin);
    const moved = status.fallback.filter(({ to }) => to === via).flatMap(({ rules }) => rules);
    const declared = [...(via === "direct" ? status.directRules : []), ...moved];
    const unnamed = declared.filter(
      (origin) => origin !== "default" && users.every(({ rule }) => rule?.origin !== origin),
    );
    const named = users.filter(({ rule, sockets }) => rule?.origin !== "default" || (sockets ?? 0) > 0);
    const sorted = named.toSorted((a, b) => (b.sockets ?? 0) - (a.sockets ?? 0));
    return {
      isDefault: declared.includes("default") || users.some(({ rule }) => rule?.origin === "default"),
      programs: [...new Set(sorted.map(programName))],
      rules: [...new Set([...unnamed, ...parts].map(ruleText))],
    };
  };
  const tunnels = status.resources.flatMap((resource): NetworkPath[] => {
    const name = tunnelName(resource);
    if (name === undefined) return [];
    const end = resource.tunnel?.peers.flatMap(({ endpoint }) => endpoint ?? [])[0] ?? "waits for peers";
    return [{ name, kind: "tunnel", tone: tunnelTone(resource), state: tunnelText(resource), end, ...usersOf(name) }];
  });
  const proxies = status.resources.flatMap((resource): NetworkPath[] => {
    if (!resource.key.startsWith("proxy/")) return [];
    const name = resource.key.slice("proxy/".length);
    const tone = resource.ready ? "good" : "bad";
    return [{ name, kind: "proxy", tone, state: resource.summary, end: "proxy server", ...usersOf(name) }];
  });
  const down = status.down.map(
    (name): NetworkPath => ({
      name,
      kind: "tunnel",
      tone: "quiet",
      state: "Down on request",
      end: "not connected",
      ...usersOf(name),
    }),
  );
  const direct: NetworkPath = {
    name: "direct",
    kind: "direct",
    tone: "warn",
    state: "Outside the tunnels",
    end: "internet",
    ...usersOf("direct"),
  };
  const block: NetworkPath = {
    name: "block",
    kind: "block",
    tone: "bad",
    state: "Sends nothing",
    end: "nowhere",
    ...usersOf("block"),
  };
  const others = [direct, block].filter((one) => one.programs.length + one.rules.length > 0 || one.isDefault);
  return [...tunnels, ...proxies, ...down.filter(({ name }) => tunnels.every((one) => one.name !== name)), ...others];
}

/** The path of a rule's traffic: that of its fallback while its tunnel is down. */
function pathNow({ via, origin }: ProgramRule, { fallback }: StatusDocument): string {
  return fallback.find(({ tunnel, rules }) => tunnel === via && rules.includes(origin))?.to ?? via;
}

/** The color of a tunnel's state. Pure. */
export function tunnelTone({ tunnel, ready }: ResourceLine): NetworkPath["tone"] {
  if (tunnel?.state === "connected") return "good";
  if (tunnel?.state === "idle") return "quiet";
  return tunnel === undefined && ready ? "good" : "bad";
}

function programName({ name, path }: ProgramLine): string {
  return path?.split("/").at(-1) ?? name;
}
