import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ForeignAct } from "../../../src/host/simulated/faults.ts";
import { parseMachineFile } from "../../../src/host/simulated/machine-file.ts";
import {
  defaultRoute,
  MAIN_TABLE,
  type MachineState,
  simulatedLink,
} from "../../../src/host/simulated/machine-state.ts";
import { LINK_ALIAS_PREFIX } from "../../../src/model/ownership.ts";
import { machinesOf, type Trait } from "../machine-arbitrary.ts";

const FILE = join(import.meta.dirname, "../../../examples/laptop/hosts/macos.json");
const TEXT = readFileSync(FILE, "utf8");
/** Of DHCP and other programs, without our RTF_PROTO3. */
const NOT_OURS = 0;

/** The MacBook of examples/laptop, with the users and names that the random configurations speak of. */
export function macbookState(): MachineState {
  const state = parseMachineFile(TEXT);
  state.users = { ...state.users, bob: 502, backup: 503 };
  state.hosts = { ...state.hosts, "gate.example.net": ["203.0.113.9", "2001:db8:9::9"] };
  state.capabilities = { ...state.capabilities, userspaceAmneziawg: true };
  return state;
}

function route(destination: string, device: string): MachineState["routes"][number] {
  const family = destination.includes(":") ? 6 : 4;
  return { family, table: MAIN_TABLE, destination, type: "unicast", device, metric: 0, protocol: NOT_OURS };
}

const FOREIGN: readonly Trait[] = [
  {
    name: "a cable with a network of its own",
    apply(state) {
      for (const link of state.links) if (link.device === "en5") link.addresses.push("192.168.7.20/24");
    },
  },
  {
    name: "IPv6 by Wi-Fi",
    apply(state) {
      for (const link of state.links) if (link.device === "en0") link.addresses.push("2001:db8:1::221/64");
      state.routes.push({ ...defaultRoute(6, "en0", "fe80::1", 0), protocol: NOT_OURS });
    },
  },
  {
    name: "another VPN",
    apply(state) {
      const addresses = ["100.64.1.2/32"];
      state.links.push(simulatedLink({ device: "utun3", index: 15, medium: "tunnel", mtuBytes: 1280, addresses }));
      state.routes.push(route("100.64.0.0/10", "utun3"));
    },
  },
  {
    name: "foreign route more specific than ours",
    apply(state) {
      state.routes.push(route("192.0.2.128/25", "en0"));
    },
  },
  {
    name: "packet filter of another program",
    apply(state) {
      state.foreignTables.push({ name: "com.example", drops: ["192.0.2.200/32"] });
    },
  },
];

/** A keeper holds it still, and nobody has it written down. */
const LEFTOVERS: readonly Trait[] = [
  {
    name: "leftover device",
    apply(state) {
      const addresses = ["10.99.0.2/32"];
      const link = simulatedLink({ device: "awg-old", index: 19, medium: "tunnel", mtuBytes: 1420, addresses });
      state.links.push({ ...link, type: "tun", alias: `${LINK_ALIAS_PREFIX}old`, held: true });
    },
  },
];

const OBSTACLE: Trait = {
  name: "another's pin of an endpoint",
  apply(state) {
    state.routes.push({ ...route("203.0.113.9/32", "en0"), gateway: "192.168.1.254" });
  },
};

/** MacBooks with any of these traits. */
export const macArbitrary = machinesOf({
  base: macbookState,
  foreign: FOREIGN,
  leftovers: LEFTOVERS,
  obstacle: OBSTACLE,
});

/** What others do on a Mac. Nothing holds PF: to empty our anchor opens the machine until the next look (S13.11). */
export const MAC_ACTS: readonly ForeignAct[] = [
  { act: "delete-route", table: MAIN_TABLE, destination: "0.0.0.0/1" },
  { act: "delete-route", table: MAIN_TABLE, destination: "8000::/1" },
  { act: "delete-route", table: MAIN_TABLE, destination: "198.51.100.7/32" },
  { act: "flush-table", table: MAIN_TABLE },
  { act: "add-route", table: MAIN_TABLE, destination: "192.0.2.0/25", device: "en0" },
  { act: "flush-firewall" },
  { act: "damage-firewall", what: "PF is off" },
  { act: "remove-device", device: "awg-office" },
  { act: "set-link", device: "awg-office", up: false },
  { act: "set-mtu", device: "awg-home", mtuBytes: 900 },
  { act: "delete-address", device: "awg-office", address: "10.8.0.2/32" },
  { act: "stop-engine", device: "awg-office" },
  { act: "keeper-dies" },
  { act: "uplink-moves", device: "en5", gateway: "192.168.7.1" },
];
