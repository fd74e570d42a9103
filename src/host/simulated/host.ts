import type { Host } from "../ports/host.ts";
import type { SimulatedMachine } from "./machine.ts";
import { simulatedClassifier } from "./ports/classifier.ts";
import { simulatedEngines } from "./ports/engines.ts";
import { simulatedFacts } from "./ports/facts.ts";
import { simulatedFirewall } from "./ports/firewall.ts";
import { simulatedLinks } from "./ports/links.ts";
import { simulatedProbes } from "./ports/probes.ts";
import { simulatedRelays } from "./ports/relays.ts";
import { simulatedResolver } from "./ports/resolver.ts";
import { simulatedRoutes } from "./ports/routes.ts";
import { simulatedServices } from "./ports/services.ts";
import { simulatedSysctl } from "./ports/sysctl.ts";
import { simulatedSystemExtensions } from "./ports/system-extension.ts";

/**
 * The simulated host's ports. Disposing them leaves the simulated machine as it is.
 *
 * @param isAttended a user who can be asked started this process
 */
export function simulatedHost(machine: SimulatedMachine, isAttended = false): Host {
  return {
    name: "simulated",
    facts: simulatedFacts(machine),
    links: simulatedLinks(machine),
    engines: simulatedEngines(machine),
    routes: simulatedRoutes(machine),
    firewall: simulatedFirewall(machine),
    classifier: simulatedClassifier(machine),
    sysctl: simulatedSysctl(machine),
    resolver: simulatedResolver(machine),
    probes: simulatedProbes(machine),
    relays: simulatedRelays(machine),
    services: simulatedServices(machine),
    systemExtensions: simulatedSystemExtensions(machine, isAttended),
    async [Symbol.asyncDispose]() {},
  };
}
