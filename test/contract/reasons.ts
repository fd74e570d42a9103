import type { HostName, Situation } from "./contract-world.ts";

const READING = new Set([
  ...["facts.read", "links.read", "links.readHolder", "links.readLeftovers", "engines.read", "engines.readAll"],
  ...[
    "engines.separateSocket",
    "engines.portHolder",
    "engines.hasRoute",
    "routes.readRoutes",
    "routes.readRules",
    "firewall.read",
    "sysctl.read",
    "classifier.read",
    "resolver.read",
    "resolver.replaced",
  ],
  ...["processes.list", "processes.read", "processes.isAlive", "processes.ownerOf", "processes.sockets"],
  ...["services.readManager", "services.read", "services.readRunning", "services.readAutostart"],
  ...["systemExtensions.readSupport"],
  ...["systemExtensions.read", "probes.run"],
]);

/** Why no clause puts a method in a situation on a host; undefined where there is no reason, which is a gap. */
export function excuse(host: HostName, method: string, situation: Situation): string | undefined {
  const [port = ""] = method.split(".");
  return (
    (READING.has(method) ? ofReading(method, situation) : undefined) ??
    ofAny(method, situation) ??
    { simulated: ofSimulated, linux: ofLinux, darwin: ofDarwin }[host](port, method, situation)
  );
}

function ofReading(method: string, situation: Situation): string | undefined {
  if (situation === "already so" || situation === "partial") {
    return "reading changes nothing, so that nothing is so already or half done";
  }
  if (situation !== "gone") return undefined;
  if (method === "facts.read") return "there is always a machine";
  return method === "services.readManager" || method === "systemExtensions.readSupport"
    ? "its answer says whether there is one"
    : undefined;
}

function ofAny(method: string, situation: Situation): string | undefined {
  if (method === "services.readRunning") return "one reading of all: test/host/linux/services/systemd-services.test.ts";
  if (method === "resolver.obstacle")
    return "only the file of a network namespace can be another's: test/host/linux/resolver/resolv-conf.test.ts";
  if (method === "resolver.unrestored")
    return "only of a file that is no file any more something is kept: test/e2e/apply/kept-resolver.linux.test.ts";
  if (method === "firewall.fallBack" && situation === "refused")
    return "only the daemon calls it, which is root or ends at its start";
  if (method === "probes.run" && situation === "refused")
    return "connections are anybody's, and echo requests say what they lack in their result";
  if (method === "networkEvents.dispose" && (situation === "gone" || situation === "refused"))
    return "it ends what this very process began";
  if (method.endsWith(".dispose") || method === "processes.watch") {
    return situation === "partial" ? "a watch is begun or not, and ended or not" : undefined;
  }
  if ((method === "engines.refreshEndpoints" || method === "engines.requestHandshakes") && situation === "partial")
    return "an engine takes a set whole or not at all";
  if (method === "notifications.show" && situation === "partial") return "a line is shown or not";
  return method === "services.ensureAutostart" && situation === "partial"
    ? "one switch, which is on or off"
    : undefined;
}

function ofSimulated(port: string, method: string, situation: Situation): string | undefined {
  if (port === "notifications") return "a simulated machine has no screen";
  if (
    ["links.readHolder", "links.readLeftovers", "links.adopt", "links.release", "links.changeLeftovers"].includes(
      method,
    )
  )
    return "no engine of another program runs on a simulated machine";
  if (method === "engines.portHolder") return "nobody but engines has ports on a simulated machine";
  if (
    ["engines.refreshEndpoints", "engines.requestHandshakes", "engines.separateSocket", "engines.hasRoute"].includes(
      method,
    )
  )
    return "an engine of the simulated machine shakes hands when its script says so";
  if (method === "processes.ownerOf" || method === "processes.sockets") return "a simulated host has no sockets";
  if (method === "processes.watch") return "no process of a simulated machine starts or ends by itself";
  if (method === "networkEvents.watch" && situation === "already so") return "each call is a watch of its own";
  if (method === "networkEvents.watch" && situation === "partial")
    return "its events are lost by a scheduled fault alone (test/daemon, test/property)";
  return situation === "refused" ? "nobody on the simulated machine may not read" : undefined;
}

function ofLinux(port: string, method: string, situation: Situation): string | undefined {
  if (port === "systemExtensions") return "only macOS has system extensions";
  if (method === "networkEvents.watch" && situation === "already so") return "each call is a watch of its own";
  if (method === "networkEvents.watch" && situation === "partial")
    return "an overrun takes 60,000 routes: test/host/linux/network-events.linux.test.ts (B10)";
  if (situation !== "refused") return undefined;
  return ["links.readHolder", "links.readLeftovers", "links.adopt", "links.release", "links.changeLeftovers"].includes(
    method,
  ) ||
    [
      "engines.refreshEndpoints",
      "engines.requestHandshakes",
      "engines.separateSocket",
      "engines.portHolder",
      "engines.hasRoute",
    ].includes(method)
    ? "a session asks for root before the host is asked (requireRights of compose/linux-parts.ts)"
    : undefined;
}

function ofDarwin(port: string, method: string, situation: Situation): string | undefined {
  if (port === "sysctl") return "macOS has no setting that awg sets";
  if (port === "classifier") return "macOS has no classes of sockets";
  if (method === "firewall.fallBack")
    return "PF holds nothing that ends by itself, so that there is no fallback (rule S13.10)";
  if (
    ["links.readHolder", "links.readLeftovers", "links.adopt", "links.release", "links.changeLeftovers"].includes(
      method,
    )
  )
    return "taking over another program's tunnel needs its descriptor, which macOS hands to nobody";
  if (method === "engines.portHolder") return "a port that is taken on a Mac is told by the engine that is refused it";
  if (method === "engines.hasRoute") return "only Linux answers; a first handshake is waited for elsewhere";
  if (method === "resolver.replaced") return "nothing of the system is replaced (docs/adr/0008)";
  if (method === "engines.separateSocket") return "macOS has one network, so that no engine is in another";
  if (method === "networkEvents.watch" && situation === "already so") return "each call is a watch of its own";
  return situation === "refused" && port === "engines"
    ? "engines are the keeper's, which hears root alone (test/keeper/darwin)"
    : undefined;
}
