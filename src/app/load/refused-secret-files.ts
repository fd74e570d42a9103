import { messageOf } from "../../model/error.ts";
import type { SecretRef } from "../../model/secret.ts";
import { trustedOwners } from "../../state/file-trust.ts";
import { refusedSecretFile } from "../../state/secret-source.ts";
import type { HostOptions } from "../host-options.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/**
 * What is wrong with secret files that a config names and that are there: whoever plans here and now is refused for it.
 * They are looked at and not read; what is not there may be where the config goes. One line for each, with its place.
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
