import type { Capabilities } from "../host/ports/facts.ts";
import type { Host } from "../host/ports/host.ts";
import type { StepOf } from "../model/plan.ts";
import type { Enforcement, FieldChange, Observed, ResourceKey, ResourceKind, Spec } from "../model/resource.ts";

/** A use by another program that must not be interrupted without a request. */
export interface Hold {
  /** The program, for people. */
  readonly holder: string;
  /** Everything else is as desired, so it can stay as it is. */
  readonly canStay: boolean;
}

/** The same verbs for every kind. Only observe and apply access the host. */
export interface ResourceDriver<K extends ResourceKind> {
  readonly kind: K;

  /**
   * Reads what is ours and, for each wanted key, what exists in its place; changes nothing (law 2). `wanted` are the
   * specs of this kind in the desired state or the ledger (a sysctl needs the names to read).
   */
  observe(host: Host, wanted: ReadonlyMap<ResourceKey<K>, Spec<K>>): Promise<ReadonlyMap<ResourceKey<K>, Observed<K>>>;

  /** The fields that differ; [] means in sync. Pure. Marks secret fields and gives no value for them. */
  diff(desired: Spec<K>, observed: Observed<K>): FieldChange[];

  /**
   * The observed state as a spec, so that it can be restored; undefined when nothing usable exists (an absent device,
   * an empty table). Pure.
   */
  asSpec(observed: Observed<K>): Spec<K> | undefined;

  /** Replaces what does not report its state with what was accepted of it; returns anything else unchanged. Pure. */
  recall?(observed: Observed<K>, accepted: Spec<K>): Observed<K>;

  /** What keeps an object of ours from being changed; undefined when nothing does. Pure. */
  heldBy?(desired: Spec<K>, observed: Observed<K>): Hold | undefined;

  /** Performs one batch. Applying twice equals applying once; "already so" and "already gone" are success. */
  apply(host: Host, steps: readonly StepOf<K>[]): Promise<void>;

  /** Whether what was observed carries our mark. Pure. Objects without it in a wanted place are conflicts. */
  isOwned(observed: Observed<K>): boolean;

  /** Whether an object without our mark may be taken over as it is, instead of being a conflict. Pure. */
  mayAdopt?(desired: Spec<K>, observed: Observed<K>): boolean;

  /** Keys that must be created before this one and removed after it. Pure. */
  dependsOn?(desired: Spec<K>): ResourceKey[];

  /** The part of the spec that is applied even while a dependency cannot be; undefined when there is none. Pure. */
  withoutNeeds?(desired: Spec<K>): Spec<K> | undefined;

  /** Fields of which a change needs delete and create instead of update. Pure. */
  needsReplace?(changes: readonly FieldChange[]): boolean;

  /** Whether all differences come from packets of the peer (its endpoint): after another write they may stay. Pure. */
  roams?(changes: readonly FieldChange[]): boolean;

  /** Whether the only difference is that it does not answer: a restart repairs it. Pure. */
  isSilent?(changes: readonly FieldChange[]): boolean;

  /** Why these changes are due, if "differs" or "was changed outside awg" is not enough. Pure. */
  reason?(changes: readonly FieldChange[]): string | undefined;

  /**
   * The state to hold while everything else changes: what both allow (firewall only). null means "nothing existed" or
   * "nothing will exist". Pure.
   */
  between?(before: Spec<K> | null, after: Spec<K> | null): Spec<K> | null;

  /**
   * For settings that always exist (sysctl): what to write so that wanted values hold and others return to the original
   * in the ledger. `wanted` null means that nothing is wanted. A delete step carries the result as its `after`, which
   * apply writes. Pure.
   */
  restoring?(wanted: Spec<K> | null, original: Spec<K> | null): Spec<K> | null;

  /**
   * For kinds with `restoring`: the original to keep in the ledger for `accepted`, from the kept one and the state
   * before this apply. The kept one takes precedence. Pure.
   */
  remember?(kept: Spec<K> | null, before: Spec<K> | null, accepted: Spec<K>): Spec<K> | null;

  /** What this kind writes survives a reboot (files); the effect of other kinds ends there. */
  readonly survivesReboot?: boolean;

  /** How well the spec is enforced on a host with these capabilities. Pure. */
  enforcement?(desired: Spec<K>, capabilities: Capabilities): Enforcement;
}

/** One driver per kind. */
export type DriverRegistry = { readonly [K in ResourceKind]: ResourceDriver<K> };
