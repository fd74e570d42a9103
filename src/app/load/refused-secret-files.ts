import { messageOf } from "../../model/error.ts";
import type { SecretRef } from "../../model/secret.ts";
import { trustedOwners } from "../../state/file-trust.ts";
import { refusedSecretFile } from "../../state/secret-source.ts";
import type { HostOptions } from "../host-options.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/**
 * Faults of existing secret files that a config names, one line each with its place: a plan on this host is refused for
 * them. The files are checked and not read. A missing file may exist where the config is used.
 */
export function refusedSecretFiles({ secretPlaces = {} }: LoadedConfig, options: HostOptions): string[] {
  const { environment, allowInsecurePermissions, host, isUnattended } = options;
  const owners = host.kind === "linux" ? trustedOwners(environment, isUnattended) : undefined;
  return Object.entries(secretPlaces).flatMap(([reference, place]) => {
    const secret = JSON.parse(reference) as SecretRef;
    if (!("file" in secret)) return [];
    const refused = refusedSecretFile(secret.file, { environment, allowInsecurePermissions, owners });
    return refused === undefined ? [] : [`${place}: ${messageOf(refused)}`];
  });
}
