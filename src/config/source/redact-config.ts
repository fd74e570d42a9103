import { Findings } from "./finding.ts";
import { secretPlaces } from "./mask-secrets.ts";
import { readYaml } from "./read-yaml.ts";
import type { Place, SourceNode } from "./source-node.ts";

/** Keys that no config has and that people write when they mean one that holds a secret. */
const LIKELY_SECRET = /priv|pass|secret|token|psk|preshared|credential/i;

/** A config text without its secrets. */
export interface RedactedConfig {
  /** The values without comments, which may hold anything. */
  readonly values: unknown;
  /** The texts that were taken out. */
  readonly secrets: readonly string[];
}

/** Replaces each secret of a config, and whatever looks like one; undefined for a text that is no config. Pure. */
export function redactConfig(text: string): RedactedConfig | undefined {
  const root = readYaml(0, text, new Findings());
  if (root === undefined) return undefined;
  const places = new Set(secretPlaces([root], []).map(placeText));
  const secrets: string[] = [];
  const visit = (node: SourceNode, isSecret: boolean): unknown => {
    if (node.kind === "list") return node.items.map((item) => visit(item, isSecret));
    if (node.kind === "scalar") {
      if (!isSecret && !places.has(placeText(node.place))) return node.value;
      secrets.push(String(node.value));
      return "(secret)";
    }
    const shown: Record<string, unknown> = Object.create(null);
    for (const [key, { value }] of node.entries) {
      const isReference = isSecret && ["file", "env", "keychain"].includes(key) && value.kind === "scalar";
      shown[key] = visit(value, !isReference && (isSecret || LIKELY_SECRET.test(key)));
    }
    return shown;
  };
  return { values: visit(root, false), secrets };
}

function placeText({ start, end }: Place): string {
  return `${start} ${end}`;
}
