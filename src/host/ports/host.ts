import type { EnginePort } from "./engines.ts";
import type { FactsPort } from "./facts.ts";
import type { FirewallPort } from "./firewall.ts";
import type { LinkPort } from "./links.ts";
import type { ProbePort } from "./probes.ts";
import type { ResolverPort } from "./resolver.ts";
import type { RoutePort } from "./routes.ts";
import type { ServicePort } from "./services.ts";
import type { SysctlPort } from "./sysctl.ts";
import type { SystemExtensionPort } from "./system-extension.ts";

/**
 * The machine awg acts on. Reading methods start with `read` and change nothing; every other method writes. Failures are
 * AwgError of kind host, permission or unsupported with the resource named. Nothing is cached between two calls but of a look.
 */
export interface Host extends AsyncDisposable {
  readonly name: "linux" | "darwin" | "simulated";
  /**
   * The same machine for one look at it, to be read alone: every port tells of the devices as they were when the first of them
   * asked. What is written afterwards another look sees. Absent where nothing is saved by it.
   */
  look?(): Omit<Host, "look">;
  readonly facts: FactsPort;
  readonly links: LinkPort;
  readonly engines: EnginePort;
  readonly routes: RoutePort;
  readonly firewall: FirewallPort;
  readonly sysctl: SysctlPort;
  readonly resolver: ResolverPort;
  /** Absent where this machine's network cannot be asked yet. */
  readonly probes?: ProbePort;
  /** Absent where the host has none. */
  readonly services?: ServicePort;
  /** Absent where the host has none. */
  readonly systemExtensions?: SystemExtensionPort;
}
