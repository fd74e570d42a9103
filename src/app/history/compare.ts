import { sameData } from "../../model/canonical.ts";
import type { Step } from "../../model/plan.ts";
import type { FieldChange, Resource, ResourceKey, Spec } from "../../model/resource.ts";
import { movedKey } from "../../model/resources/lifecycle.ts";
import { renderPolicyRule } from "../../model/resources/policy-rule.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { Stores } from "../../reconciler/journal/stores.ts";
import { diffData } from "../../resources/firewall/diff-data.ts";
import { isSecretParameter } from "../../resources/tunnel/obfuscation.ts";
import { generationFor } from "./history.ts";

/** One resource that two generations have differently. */
export type GenerationDifference = Pick<Step, "key" | "action" | "before" | "after" | "changes" | "reason">;

/** Two accepted generations side by side; AwgError usage when one is not kept. Reads only (law 2). */
export async function compareGenerations(
  stores: Stores,
  from: number,
  to: number,
): Promise<readonly GenerationDifference[]> {
  return differencesBetween(await generationFor(stores, from), await generationFor(stores, to));
}

/**
 * Resources added, changed and removed between two generations, sorted by key; secrets only as changed (law 8). Pure.
 */
export function differencesBetween(from: Generation, to: Generation): readonly GenerationDifference[] {
  const moves = to.desired.lifecycle?.moved ?? [];
  const old = new Map([...byKey(from)].map(([key, resource]) => [movedKey(key, moves), resource]));
  const now = byKey(to);
  const keys = [...new Set([...old.keys(), ...now.keys()])].toSorted();
  const reason = `from generation ${from.number} to ${to.number}`;
  return keys.flatMap((key): GenerationDifference[] => {
    const before = old.get(key);
    const after = now.get(key);
    if (before === undefined)
      return [
        {
          key,
          action: "create",
          before: null,
          after: after?.spec ?? null,
          changes: [],
          reason: `not in generation ${from.number}`,
        },
      ];
    if (after === undefined)
      return [
        {
          key,
          action: "delete",
          before: before.spec,
          after: null,
          changes: [],
          reason: `not in generation ${to.number}`,
        },
      ];
    if (sameData(before.spec, after.spec)) return [];
    const changes = changesBetween(before.spec, after.spec);
    return [{ key, action: "update", before: before.spec, after: after.spec, changes, reason }];
  });
}

function byKey({ desired }: Generation): ReadonlyMap<ResourceKey, Resource> {
  return new Map(desired.resources.map((resource) => [resource.key, resource]));
}

function changesBetween(before: Spec, after: Spec): readonly FieldChange[] {
  return diffData("", withoutSecrets(before), withoutSecrets(after)).concat(secretChanges(before, after));
}

/** Peers are compared by public key, without ids of secrets. Policy rules read as in `ip rule`. */
function withoutSecrets(spec: Spec): unknown {
  if ("guards" in spec) {
    const standby = spec.standby?.map((one) => ({ ...one, rules: one.rules.map(renderPolicyRule) }));
    return { ...spec, rules: spec.rules.map(renderPolicyRule), ...(standby === undefined ? {} : { standby }) };
  }
  if (!("peers" in spec)) return spec;
  const { privateKey: _key, peers, obfuscation, ...rest } = spec;
  const known = Object.fromEntries(Object.entries(obfuscation).filter(([name]) => !isSecretParameter(name)));
  return {
    ...rest,
    obfuscation: known,
    peers: Object.fromEntries(peers.map(({ presharedKey: _psk, ...peer }) => [peer.publicKey, peer])),
  };
}

function secretChanges(before: Spec, after: Spec): FieldChange[] {
  if (!("peers" in before) || !("peers" in after)) return [];
  const secret = (field: string, a: unknown, b: unknown): FieldChange[] => (a === b ? [] : [{ field, secret: true }]);
  const keys = new Set([...Object.keys(before.obfuscation), ...Object.keys(after.obfuscation)]);
  return [
    ...secret("/privateKey", before.privateKey, after.privateKey),
    ...after.peers.flatMap(({ publicKey, presharedKey }) => {
      const old = before.peers.find((peer) => peer.publicKey === publicKey);
      return old === undefined ? [] : secret(`/peers/${publicKey}/presharedKey`, old.presharedKey, presharedKey);
    }),
    ...[...keys]
      .filter(isSecretParameter)
      .flatMap((name) => secret(`/obfuscation/${name}`, before.obfuscation[name], after.obfuscation[name])),
  ];
}
