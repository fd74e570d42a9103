import type { FirewallObserved, FirewallPolicy } from "./firewall/policy.ts";
import type { ClassifierObserved, ClassifierSpec } from "./program/classifier.ts";
import type { ProxyObserved, ProxySpec } from "./relay/proxy.ts";
import type { LinkObserved, LinkSpec } from "./resources/link.ts";
import type { ResolverObserved, ResolverSpec } from "./resources/resolver.ts";
import type { RoutesObserved, RoutesSpec } from "./resources/routes.ts";
import type { AutostartObserved, AutostartSpec, ServiceObserved, ServiceSpec } from "./resources/service.ts";
import type { SysctlObserved, SysctlSpec } from "./resources/sysctl.ts";
import type { SystemExtensionObserved, SystemExtensionSpec } from "./resources/system-extension.ts";
import type { TunnelObserved, TunnelSpec } from "./resources/tunnel.ts";

/** Every kind that awg manages, with its desired and its observed form. A new kind starts here. */
export interface ResourceTypes {
  readonly link: { readonly spec: LinkSpec; readonly observed: LinkObserved };
  readonly tunnel: { readonly spec: TunnelSpec; readonly observed: TunnelObserved };
  readonly proxy: { readonly spec: ProxySpec; readonly observed: ProxyObserved };
  readonly routes: { readonly spec: RoutesSpec; readonly observed: RoutesObserved };
  readonly firewall: { readonly spec: FirewallPolicy; readonly observed: FirewallObserved };
  readonly classifier: { readonly spec: ClassifierSpec; readonly observed: ClassifierObserved };
  readonly sysctl: { readonly spec: SysctlSpec; readonly observed: SysctlObserved };
  readonly resolver: { readonly spec: ResolverSpec; readonly observed: ResolverObserved };
  readonly service: { readonly spec: ServiceSpec; readonly observed: ServiceObserved };
  readonly autostart: { readonly spec: AutostartSpec; readonly observed: AutostartObserved };
  readonly "system-extension": { readonly spec: SystemExtensionSpec; readonly observed: SystemExtensionObserved };
}

export type ResourceKind = keyof ResourceTypes;
export type Spec<K extends ResourceKind = ResourceKind> = ResourceTypes[K]["spec"];
export type Observed<K extends ResourceKind = ResourceKind> = ResourceTypes[K]["observed"];
/** `kind/name`: "routes/office", "firewall/machine". */
export type ResourceKey<K extends ResourceKind = ResourceKind> = `${K}/${string}`;

/** One resource as desired. */
export type ResourceOf<K extends ResourceKind> = {
  readonly kind: K;
  readonly key: ResourceKey<K>;
  readonly spec: Spec<K>;
};
export type Resource = { [K in ResourceKind]: ResourceOf<K> }[ResourceKind];

/** How well a promise is enforced here (law 9), best first. */
export type Enforcement = "enforced" | "best-effort" | "advisory" | "unsupported";

/** One field that differs. Values of secret fields are never given (law 8). */
export interface FieldChange {
  /** JSON pointer into the spec: "/peers/0/endpoint". */
  readonly field: string;
  readonly before?: unknown;
  readonly after?: unknown;
  readonly secret?: boolean;
  /** Set fields (routes, allowed IPs): how many were added and removed, instead of both lists. */
  readonly added?: number;
  readonly removed?: number;
  /** The host differs from the accepted state here: drift, whether or not the config changed too. */
  readonly drift?: true;
  /** What the change interrupts, or that it interrupts nothing: for people; nothing may branch on it. */
  readonly interruption?: string;
}
