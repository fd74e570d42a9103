import type { Config } from "../../model/config/config.ts";
import { AwgError } from "../../model/error.ts";
import type { SecretId, SecretRef } from "../../model/secret.ts";
import type { Generation } from "../../reconciler/apply/stores.ts";
import { devicesOf, type Expansion, endpointsOf, expand } from "../../resources/expand.ts";
import type { SessionParts } from "../session-parts.ts";
import { secretsOf } from "./facts-wanted.ts";

/** The resources a config asks for on this machine; path numbers, devices and resolved endpoints stay those of the last generation. */
export async function expandConfig(
  { resolveSecret }: SessionParts,
  config: Config,
  facts: Parameters<typeof expand>[1],
  latest: Generation | undefined,
): Promise<Expansion> {
  const ids = new Map<string, SecretId>();
  for (const named of secretsOf(config)) ids.set(JSON.stringify(named.ref), await resolveSecret(named));
  const secrets = (ref: SecretRef): SecretId => {
    const id = ids.get(JSON.stringify(ref));
    if (id === undefined) throw new AwgError("bug", "a secret was not resolved before expansion");
    return id;
  };
  const accepted = latest?.desired.resources ?? [];
  return expand(config, facts, {
    pathNumbers: latest?.pathNumbers ?? {},
    secrets,
    endpoints: endpointsOf(accepted),
    devices: devicesOf(accepted),
  });
}
