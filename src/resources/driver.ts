import type { Capabilities } from "../host/ports/facts.ts";
import type { Host } from "../host/ports/host.ts";
import type { StepOf } from "../model/plan.ts";
import type { Enforcement, FieldChange, Observed, ResourceKey, ResourceKind, Spec } from "../model/resource.ts";

/** Somebody else's that must not be disturbed without being asked. */
export interface Hold {
  /** For people. */
  readonly holder: string;
  /** All else is as desired, so that it can be left as it stands. */
  readonly canStay: boolean;
}

/** The same verbs for every kind. Only observe and apply touch the machine. */
export interface ResourceDriver<K extends ResourceKind> {
  readonly kind: K;

  /**
   * Reads what is there and ours, plus, for each wanted key, what stands in its place; changes nothing (law 2).
   * `wanted` are the specs of this kind that the desired state or the ledger names (a sysctl must be told which names to read).
   */
  observe(host: Host, wanted: ReadonlyMap<ResourceKey<K>, Spec<K>>): Promise<ReadonlyMap<ResourceKey<K>, Observed<K>>>;

  /** Field by field what differs; [] means in sync. Pure. Marks secret fields and gives no value for them. */
  diff(desired: Spec<K>, observed: Observed<K>): FieldChange[];

  /**
   * The observed state in the form of a spec, so that it can be put back; undefined when what stands there is nothing
   * (a device that is absent, a table that is empty). Pure.
   */
  asSpec(observed: Observed<K>): Spec<K> | undefined;

  /**
   * What stands there and tells nothing of itself now, with what was accepted of it in place of that; anything else as it is.
   * Pure.
   */
  recall?(observed: Observed<K>, accepted: Spec<K>): Observed<K>;

  /** What keeps the thing from being changed that stands there and is ours; undefined where nothing does. Pure. */
  heldBy?(desired: Spec<K>, observed: Observed<K>): Hold | undefined;

  /** Performs one batch. Applying twice equals applying once; "already so" and "already gone" are success. */
  apply(host: Host, steps: readonly StepOf<K>[]): Promise<void>;

  /** Whether what was observed carries our mark. Pure. Unowned things in a wanted place are conflicts. */
  isOwned(observed: Observed<K>): boolean;

  /** Whether what stands there without our mark may be taken over as it is, instead of being a conflict. Pure. */
  mayAdopt?(desired: Spec<K>, observed: Observed<K>): boolean;

  /** Keys that must stand before this one and fall after it. Pure. */
  dependsOn?(desired: Spec<K>): ResourceKey[];

  /** What of it stands without the keys that it depends on, and is to stand while one of them cannot; undefined where nothing. Pure. */
  withoutNeeds?(desired: Spec<K>): Spec<K> | undefined;

  /** Fields whose change needs delete and create instead of update. Pure. */
  needsReplace?(changes: readonly FieldChange[]): boolean;

  /**
   * Whether all that differs is what the other end moves by its packets (a peer's endpoint): told again, it may stay. Pure.
   */
  roams?(changes: readonly FieldChange[]): boolean;

  /** Whether all that differs is that what stands there does not answer: begun anew, it is right. Pure. */
  isSilent?(changes: readonly FieldChange[]): boolean;

  /** Why these changes are due, where "differs" or "was changed outside awg" would not say it. Pure. */
  reason?(changes: readonly FieldChange[]): string | undefined;

  /**
   * The state to hold while everything else changes from one to the other: what both allow (firewall only).
   * null in place of a spec means "nothing was there" or "nothing will be". Pure.
   */
  between?(before: Spec<K> | null, after: Spec<K> | null): Spec<K> | null;

  /**
   * For settings that are never absent, only different (sysctl): what to write so that everything wanted holds and
   * everything no longer wanted goes back to what the ledger keeps of it. `wanted` null means nothing is wanted any more.
   * A delete step then carries the result as its `after`, which apply writes. Pure.
   */
  restoring?(wanted: Spec<K> | null, original: Spec<K> | null): Spec<K> | null;

  /**
   * Beside `restoring`: the original to keep in the ledger for `accepted`, from what is kept already and what stood there
   * before this apply; what is kept already wins. Pure.
   */
  remember?(kept: Spec<K> | null, before: Spec<K> | null, accepted: Spec<K>): Spec<K> | null;

  /** What this kind writes outlives a reboot (files); everything else is gone by itself. */
  readonly survivesReboot?: boolean;

  /** How far the spec's promise is kept on a machine with these capabilities. Pure. */
  enforcement?(desired: Spec<K>, capabilities: Capabilities): Enforcement;
}

/** One driver per kind. */
export type DriverRegistry = { readonly [K in ResourceKind]: ResourceDriver<K> };
