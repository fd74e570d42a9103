import { CheckContext } from "./check/check-context.ts";
import { nodePathOf } from "./check/refused.ts";
import { runChecks } from "./check/run-checks.ts";
import { secretsOf } from "./check/secrets.ts";
import { completeConfig } from "./complete-config.ts";
import type { Config } from "./config.ts";
import { type ConfigSource, configHash } from "./config-hash.ts";
import { refusedKeys } from "./feature/refused-keys.ts";
import { reservedKeysUsed } from "./feature/reserved-keys.ts";
import { pruneIssues } from "./issue/prune.ts";
import { STAND_IN_FILE, withStandIns } from "./issue/stand-ins.ts";
import { translateIssue } from "./issue/translate-issue.ts";
import type { LoadOptions } from "./load-options.ts";
import type { Problem } from "./problem.ts";
import { rootSchema } from "./section/root.ts";
import { entryLines } from "./source/entry-lines.ts";
import { Findings } from "./source/finding.ts";
import { locateFindings, placeDescriber } from "./source/locate-findings.ts";
import { mergeSources } from "./source/merge-sources.ts";
import { readSources } from "./source/read-sources.ts";
import { type MapNode, toPlain, valuePlace } from "./source/source-node.ts";
import { checkTunnelNames } from "./source/tunnel-names.ts";

export type { ConfigSource } from "./config-hash.ts";
export type { LoadOptions } from "./load-options.ts";

export interface LoadedConfig {
  /** Present only if no problem is an error. */
  readonly config?: Config;
  readonly problems: readonly Problem[];
  /** Hash of all sources, including included ones; equal to `configHash(sources)` without includes. */
  readonly hash: string;
  /** All sources in merge order, each with its own hash, so that a cache can detect a change. */
  readonly sources: readonly { readonly name: string; readonly hash: string }[];
  /** `file:line:column` of each reference to a secret, by the reference as JSON. */
  readonly secretPlaces: Readonly<Record<string, string>>;
  /** `file:line:column` of each use of a feature that some hosts lack, by its path. */
  readonly featurePlaces: Readonly<Record<string, string>>;
  /** `file:line` of the default, each tunnel and each rule: `default`, `tunnels/office`, `rules/0`, `rules/1 (media)`. */
  readonly entryLines: Readonly<Record<string, string>>;
}

/**
 * Reads a config from its texts. Reports all problems at once, each with its place; returns a config only if none of
 * them is an error (law 7). Pure; never throws, whatever the texts contain.
 */
export function loadConfig(sources: readonly ConfigSource[], options: LoadOptions = {}): LoadedConfig {
  const findings = new Findings();
  const read = readSources(sources, options.readInclude, findings);
  const root = read.isReadable ? mergeSources(read.roots, findings, placeDescriber(read.sources)) : undefined;
  const config = root === undefined ? undefined : validate(root, read.sources, options, findings);
  const problems = locateFindings(findings, read.sources, read.isReadable ? read.roots : undefined);
  const hash = configHash(read.sources);
  const isAlone = read.sources.length === 1;
  return {
    ...(config === undefined || problems.some(({ severity }) => severity === "error") ? {} : { config }),
    problems,
    hash,
    sources: read.sources.map((source) => ({ name: source.name, hash: isAlone ? hash : configHash([source]) })),
    secretPlaces: root === undefined || config === undefined ? {} : placesOfSecrets(config, root, read.sources),
    featurePlaces: root === undefined || config === undefined ? {} : placesOfFeatures(config, root, read.sources),
    entryLines: root === undefined || config === undefined ? {} : entryLines(root, read.sources),
  };
}

function placesOfSecrets(config: Config, root: MapNode, sources: readonly ConfigSource[]): Record<string, string> {
  const describe = placeDescriber(sources);
  return Object.fromEntries(
    secretsOf(config)
      .filter(({ secret }) => !("inline" in secret || ("file" in secret && secret.file === STAND_IN_FILE)))
      .map(({ path, secret }) => [JSON.stringify(secret), describe(valuePlace(root, path))]),
  );
}

function placesOfFeatures(config: Config, root: MapNode, sources: readonly ConfigSource[]): Record<string, string> {
  const describe = placeDescriber(sources);
  const used = [...reservedKeysUsed(config), ...refusedKeys(config, "linux"), ...refusedKeys(config, "darwin")];
  return Object.fromEntries(used.map(({ path }) => [path, describe(valuePlace(root, nodePathOf(path)))]));
}

/** Rounds of removing invalid values; each reaches at least one level further up. */
const MAX_ROUNDS = 12;

function validate(
  root: MapNode,
  sources: readonly ConfigSource[],
  options: LoadOptions,
  findings: Findings,
): Config | undefined {
  checkTunnelNames(root, findings);
  let pruned = root;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const parsed = rootSchema.safeParse(round === 0 ? toPlain(pruned) : withStandIns(toPlain(pruned)));
    if (parsed.success) {
      const config = completeConfig(parsed.data);
      runChecks(new CheckContext({ config, written: pruned, root, sources, options, findings }));
      return config;
    }
    if (round === 0) for (const issue of parsed.error.issues) translateIssue(issue, root, findings);
    pruned = pruneIssues(pruned, parsed.error.issues, round === 0);
  }
  return undefined;
}
