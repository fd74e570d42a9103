import { ROUTE_PROTOCOL } from "../../model/ownership.ts";
import type { ForeignAct } from "./faults.ts";
import type { LiveMachine } from "./live-machine.ts";
import { ADMIN_PROTOCOL, familyOf, MAIN_TABLE } from "./machine-state.ts";

/** Applies a change by another program. It never fails: where there is nothing to change, nothing happens. */
export function actForeign(machine: LiveMachine, act: ForeignAct): void {
  switch (act.act) {
    case "delete-route":
      machine.routes.deleteWhere((route) => route.table === act.table && route.destination === act.destination);
      return;
    case "flush-table":
      machine.routes.deleteWhere((route) => route.table === act.table);
      return;
    case "add-route":
      addRoute(machine, act);
      return;
    case "delete-rules":
      machine.live.rules = machine.live.rules.filter(({ rule }) => rule.preference !== act.preference);
      return;
    case "add-rule":
      addRule(machine, act);
      return;
    case "remove-device":
      machine.dropLink(act.device);
      return;
    case "set-link":
    case "set-mtu":
    case "delete-address":
      changeLink(machine, act);
      return;
    case "rewrite-resolver":
      machine.live.resolver.text = act.text;
      return;
    case "write-sysctl":
      if (machine.live.sysctls[act.name] !== undefined) machine.live.sysctls[act.name] = act.value;
      return;
    case "stop-engine":
      machine.live.engines = machine.live.engines.filter((engine) => engine.device !== act.device);
      return;
    case "flush-firewall":
    case "damage-firewall":
    case "keeper-dies":
      actOnFirewall(machine, act);
      return;
    case "uplink-moves":
      moveUplink(machine, act);
      return;
  }
}

/** Whether this changes a route or a policy rule of awg's. */
export function isOnOurs({ live, routes }: LiveMachine, act: ForeignAct): boolean {
  if (act.act === "delete-rules")
    return live.rules.some(({ rule, protocol }) => rule.preference === act.preference && protocol === ROUTE_PROTOCOL);
  if (act.act !== "delete-route" && act.act !== "flush-table") return false;
  return routes
    .all([act.table])
    .some(
      ({ protocol, destination }) =>
        protocol === ROUTE_PROTOCOL && (act.act === "flush-table" || destination === act.destination),
    );
}

function addRoute(machine: LiveMachine, act: Extract<ForeignAct, { act: "add-route" }>): void {
  const { table, destination, device } = act;
  const route = { family: familyOf(destination), table, destination, type: "unicast", device, metric: 0 } as const;
  if (machine.link(device)?.up !== true) return;
  const added = { ...route, protocol: ADMIN_PROTOCOL };
  if (machine.routes.find(added) === undefined) machine.routes.set(added);
}

function addRule(machine: LiveMachine, act: Extract<ForeignAct, { act: "add-rule" }>): void {
  if (machine.live.os === "darwin") return;
  const rule = { family: 4, preference: act.preference, match: { source: "192.0.2.77/32" }, table: act.table } as const;
  const known = machine.live.rules.some((e) => e.rule.preference === act.preference && e.protocol === ADMIN_PROTOCOL);
  if (known) return;
  machine.live.rules.push({ rule, protocol: ADMIN_PROTOCOL });
  machine.live.rules.sort((a, b) => a.rule.preference - b.rule.preference);
}

function changeLink(
  machine: LiveMachine,
  act: Extract<ForeignAct, { act: "set-link" | "set-mtu" | "delete-address" }>,
): void {
  const link = machine.link(act.device);
  if (link === undefined) return;
  if (act.act === "set-mtu") link.mtuBytes = act.mtuBytes;
  else if (act.act === "delete-address") link.addresses = link.addresses.filter((text) => text !== act.address);
  else {
    link.up = act.up;
    if (!act.up) machine.routes.deleteWhere((route) => route.device === act.device);
  }
}

/**
 * `nft flush ruleset` cannot remove tables with a living owner (flags owner and persist); it removes orphaned ones.
 */
function actOnFirewall(
  machine: LiveMachine,
  act: Extract<ForeignAct, { act: "flush-firewall" | "damage-firewall" | "keeper-dies" }>,
): void {
  const { firewall } = machine.live;
  if (act.act === "keeper-dies") {
    firewall.held = false;
    loseKeeper(machine);
    return;
  }
  const isOpenToOthers = !firewall.held && firewall.policy !== null;
  if (act.act === "damage-firewall") {
    if (isOpenToOthers) firewall.damage.push(act.what);
    return;
  }
  machine.live.foreignTables = [];
  if (isOpenToOthers) Object.assign(firewall, { policy: null, damage: [], droppedPackets: 0 });
}

/** A persistent TUN device stays without carrier; a utun is removed with its last descriptor. */
function loseKeeper(machine: LiveMachine): void {
  const held = machine.live.links.filter((link) => link.held);
  for (const link of held) {
    link.held = false;
    if (machine.live.os === "darwin") machine.dropLink(link.device);
  }
  machine.live.engines = machine.live.engines.filter(({ engine }) => engine === "kernel");
}

function moveUplink(machine: LiveMachine, act: Extract<ForeignAct, { act: "uplink-moves" }>): void {
  if (machine.link(act.device)?.up !== true) return;
  const isOld = (route: { family: number; table: number; destination: string; protocol: number }): boolean =>
    route.table === MAIN_TABLE && route.destination === "0.0.0.0/0" && route.protocol !== ROUTE_PROTOCOL;
  const [old] = machine.routes.all([MAIN_TABLE]).filter(isOld);
  if (old === undefined) return;
  machine.routes.delete(old);
  machine.routes.set({ ...old, device: act.device, gateway: act.gateway });
}
