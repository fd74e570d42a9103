import type { EnginePort, RelayPort } from "./engines.ts";
import type { FactsPort } from "./facts.ts";
import type { FirewallPort } from "./firewall.ts";
import type { ClassifierPort } from "./kernel/classifier.ts";
import type { SysctlPort } from "./kernel/sysctl.ts";
import type { LinkPort } from "./links.ts";
import type { PortalPort } from "./portal.ts";
import type { ProbePort } from "./probes.ts";
import type { ResolverPort } from "./resolver.ts";
import type { RoutePort } from "./routes.ts";
import type { ServicePort } from "./services.ts";
import type { SystemExtensionPort } from "./system-extension.ts";

/**
 * The host that awg acts on. Methods that start with `read` change nothing; all others write. Failures are AwgError of
 * kind host, permission or unsupported and name the resource. Nothing is cached between calls, except within a
 * snapshot.
 */
export interface Host extends AsyncDisposable {
  readonly name: "linux" | "darwin" | "simulated";
  /**
   * The same host with one list of devices for all ports, read at the first use; for reading only. Absent where it
   * saves nothing.
   */
  snapshot?(): Omit<Host, "snapshot">;
  readonly facts: FactsPort;
  readonly links: LinkPort;
  readonly engines: EnginePort;
  readonly routes: RoutePort;
  readonly firewall: FirewallPort;
  /** Absent where sockets have no classes. */
  readonly classifier?: ClassifierPort;
  readonly sysctl: SysctlPort;
  readonly resolver: ResolverPort;
  /** Absent where proxies are not supported yet. */
  readonly relays?: RelayPort;
  /** Absent where probes are not supported yet. */
  readonly probes?: ProbePort;
  /** Absent where login pages of networks are not supported yet. */
  readonly portal?: PortalPort;
  /** Absent where the host has none. */
  readonly services?: ServicePort;
  /** Absent where the host has none. */
  readonly systemExtensions?: SystemExtensionPort;
}

/** A notification for the user at the screen: never a secret, one line each. */
export interface Notification {
  readonly title: string;
  readonly text: string;
}

/** Shows it in every graphical session; a host without one, or a session that refuses, is no failure. */
export type ShowNotification = (notification: Notification) => Promise<void>;
