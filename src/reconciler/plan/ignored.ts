import type { Observed, ResourceKey, Spec } from "../../model/resource.ts";
import type { Lifecycle } from "../../model/resources/lifecycle.ts";
import { ignoredFieldsOf } from "../../model/resources/lifecycle.ts";
import type { AnyDriver } from "./observation.ts";

/**
 * The spec with the observed value in each field that the config leaves to other programs (`lifecycle.ignore`). So the
 * field shows no difference, and a step for another field does not reset it. A resource that is gone has no values: the
 * spec stays whole. Pure.
 */
export function withIgnored(spec: Spec, key: ResourceKey, { driver, observed, lifecycle }: IgnoreContext): Spec {
  const pointers = ignoredFieldsOf(lifecycle, key);
  if (pointers.length === 0 || observed === undefined) return spec;
  const found = driver.asSpec(observed);
  if (found === undefined) return spec;
  return pointers.reduce<unknown>((now, pointer) => graft(now, found, tokensOf(pointer)), spec) as Spec;
}

interface IgnoreContext {
  readonly driver: AnyDriver;
  readonly observed: Observed | undefined;
  readonly lifecycle: Lifecycle | undefined;
}

/** Tokens of a JSON pointer (RFC 6901 section 4). */
function tokensOf(pointer: string): readonly string[] {
  return pointer
    .slice(1)
    .split("/")
    .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** `wanted` with `found`'s value at the path; unchanged if either lacks the path. */
function graft(wanted: unknown, found: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (name === undefined) return found;
  if (Array.isArray(wanted) && Array.isArray(found)) return graftMember(wanted, found, Number(name), rest);
  if (!isRecord(wanted) || !isRecord(found)) return wanted;
  if (!Object.hasOwn(found, name)) {
    const { [name]: _gone, ...others } = wanted;
    return rest.length === 0 ? others : wanted;
  }
  return { ...wanted, [name]: graft(wanted[name], found[name], rest) };
}

/** Peers are matched by their public key: their position changes when another peer comes or goes. */
function graftMember(
  wanted: readonly unknown[],
  found: readonly unknown[],
  index: number,
  rest: readonly string[],
): readonly unknown[] {
  const member = wanted[index];
  const isSame = (other: unknown): boolean =>
    isRecord(member) && isRecord(other) && member["publicKey"] !== undefined
      ? member["publicKey"] === other["publicKey"]
      : false;
  const counterpart = found.find(isSame);
  return counterpart === undefined ? wanted : wanted.with(index, graft(member, counterpart, rest));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
