import type { Config, Match } from "../../config/config.ts";
import { nestedMatches } from "../../config/section/nested-matches.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { Host } from "../../host/ports/host.ts";
import { AwgError } from "../../model/error.ts";
import type { SecretId } from "../../model/secret.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { BesideTunnels, ExpandOptions } from "../../resources/expand/expansion.ts";
import { classifierOf, devicesOf, type Expansion, endpointsOf } from "../../resources/expand.ts";
import type { ReadLists } from "../lists/read-lists.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import { secretsOf } from "./facts-wanted.ts";
import { expandOnce } from "./memoized-expansion.ts";

/** A config, and the places of its secret references. */
interface Written {
  readonly config: Config;
  readonly secretPlaces?: LoadedConfig["secretPlaces"];
  readonly portal?: ExpandOptions["portal"];
}

/**
 * The resources of a config on this host; path numbers, devices and resolved endpoints stay those of the last
 * generation.
 */
export async function expandConfig(
  parts: HostParts,
  { config, secretPlaces = {}, portal }: Written,
  facts: HostFacts,
  latest: Generation | undefined,
  unanswered: NonNullable<ExpandOptions["unanswered"]> = {},
): Promise<Expansion> {
  const { resolveSecret, host, expandInput = expandOnce } = parts;
  const secretIds: Record<string, SecretId> = {};
  for (const named of secretsOf(config)) {
    const name = JSON.stringify(named.ref);
    secretIds[name] = await placed(secretPlaces[name], () => resolveSecret(named));
  }
  const read = await listsIn(config, parts);
  const accepted = latest?.desired.resources ?? [];
  const options = {
    pathNumbers: latest?.pathNumbers ?? {},
    endpoints: endpointsOf(accepted),
    devices: devicesOf(accepted),
    ...classifierOf(accepted),
    unanswered,
    ...(portal === undefined ? {} : { portal }),
    ...(read === undefined ? {} : { lists: read.lists }),
    ...(asksBeside(config) ? { beside: await besideTunnelsOf(host, config) } : {}),
  };
  const expansion = expandInput({ config, facts, secretIds, options });
  return read === undefined ? expansion : { ...expansion, notes: [...expansion.notes, ...read.notes] };
}

/** The lists that the rules name; undefined if there are none. */
export async function listsIn(
  config: Config,
  parts: Pick<HostParts, "stateDir" | "isSimulated">,
): Promise<ReadLists | undefined> {
  const claims = config.invariants.flatMap(({ never, always }): Match[] => [never ?? always ?? []].flat());
  const named = [...config.rules, ...claims]
    .flatMap(nestedMatches)
    .some(({ destinations = [] }) => destinations.some(({ kind }) => kind === "list" || kind === "geoip"));
  if (!named) return undefined;
  const { readLists } = await import("../lists/read-lists.ts");
  return readLists(config, parts);
}

/** Whether a config declares more than tunnels and their policy: services, system extensions. */
function asksBeside({ service, systemExtension, killSwitch }: Config): boolean {
  return service !== undefined || systemExtension !== undefined || killSwitch.atBoot;
}

async function besideTunnelsOf(host: Host, config: Config): Promise<BesideTunnels> {
  const { besideTunnels } = await import("../install/beside-tunnels.ts");
  return besideTunnels(host, config);
}

/** A problem with a secret names the place that refers to it. */
async function placed<T>(place: string | undefined, resolve: () => Promise<T>): Promise<T> {
  try {
    return await resolve();
  } catch (cause) {
    if (!(cause instanceof AwgError) || place === undefined) throw cause;
    const { kind, message, facts, remedy } = cause;
    const advice = remedy === undefined ? {} : { remedy };
    throw new AwgError(kind, `${place}: ${message}`, { facts: { ...facts, place }, cause, ...advice });
  }
}
