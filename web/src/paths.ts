import type { ProgramLine, ResourceLine, StatusDocument } from "./documents.ts";
import { tunnelName, tunnelText } from "./words.ts";

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
}

/** The ways out of this host: each tunnel and proxy, then the direct way and the blocked one where something takes it. Pure. */
export function pathsOf(status: StatusDocument, programs: readonly ProgramLine[]): readonly NetworkPath[] {
  const usersOf = (via: string): Pick<NetworkPath, "isDefault" | "programs"> => {
    const users = programs.filter(({ rule, kernelThread }) => rule?.via === via && !kernelThread);
    const named = users.filter(({ rule, sockets }) => rule?.origin !== "default" || (sockets ?? 0) > 0);
    const sorted = named.toSorted((a, b) => (b.sockets ?? 0) - (a.sockets ?? 0));
    return {
      isDefault: users.some(({ rule }) => rule?.origin === "default"),
      programs: [...new Set(sorted.map(programName))],
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
  const others = [direct, block].filter((one) => one.programs.length > 0 || one.isDefault);
  return [...tunnels, ...proxies, ...down.filter(({ name }) => tunnels.every((one) => one.name !== name)), ...others];
}

/** What leaves outside the tunnels because a rule says so, as a sentence; undefined if nothing does. Pure. */
export function exceptionText(paths: readonly NetworkPath[]): string | undefined {
  const direct = paths.find(({ kind }) => kind === "direct");
  if (direct === undefined) return undefined;
  if (direct.isDefault) return "What no rule names goes direct.";
  const [one = "", ...others] = direct.programs;
  if (others.length > 1) return `${one} and ${others.length} more programs go direct, as their rules say.`;
  return others.length === 0
    ? `Only ${one} goes direct, as its rule says.`
    : `Only ${one} and ${others[0]} go direct, as their rules say.`;
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
