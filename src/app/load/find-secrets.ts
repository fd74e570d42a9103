import { statSync } from "node:fs";
import { messageOf } from "../../model/error.ts";
import type { SecretRef } from "../../model/secret.ts";
import { trustedOwners } from "../../state/file-trust.ts";
import { refusedSecretFile } from "../../state/secret-source.ts";
import type { HostOptions } from "../host-options.ts";
import type { LoadedConfig } from "./loaded-config.ts";

/** What a plan on this host would find of the secrets that a config names, one line each with its place. */
export interface SecretFindings {
  /** Faults of existing files. */
  readonly refused: readonly string[];
  /** Files and variables that do not exist here; they may exist where the config is used. */
  readonly missing: readonly string[];
}

/** Looks for the secrets of a config on this host. Files are checked and not read. */
export function findSecrets({ secretPlaces = {} }: LoadedConfig, options: HostOptions): SecretFindings {
  const { environment, allowInsecurePermissions, host, isUnattended } = options;
  const owners = host.kind === "linux" ? trustedOwners(environment, isUnattended) : undefined;
  const secrets = Object.entries(secretPlaces).map(([reference, place]) => {
    const secret = JSON.parse(reference) as SecretRef;
    const missing = missingSecret(secret, environment);
    if (missing !== undefined || !("file" in secret)) return { missing: linesOf(place, missing), refused: [] };
    const refused = refusedSecretFile(secret.file, { environment, allowInsecurePermissions, owners });
    return { missing: [], refused: linesOf(place, refused === undefined ? undefined : messageOf(refused)) };
  });
  return {
    refused: secrets.flatMap(({ refused }) => refused),
    missing: secrets.flatMap(({ missing }) => missing),
  };
}

function linesOf(place: string, text: string | undefined): string[] {
  return text === undefined ? [] : [`${place}: ${text}`];
}

function missingSecret(secret: SecretRef, environment: NodeJS.ProcessEnv): string | undefined {
  if ("env" in secret) {
    const isSet = Object.hasOwn(environment, secret.env) && (environment[secret.env] ?? "").trim() !== "";
    return isSet ? undefined : `the environment variable ${secret.env} is not set here`;
  }
  return "file" in secret && isMissing(secret.file) ? `the secret file ${secret.file} does not exist here` : undefined;
}

function isMissing(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    // Without the right to see the file, there is no verdict.
    return false;
  }
}
