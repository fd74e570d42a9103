import fc from "fast-check";
import {
  ADMIN_PROTOCOL,
  defaultRoute,
  laptopState,
  MAIN_TABLE,
  type MachineState,
  simulatedLink,
} from "../../src/host/simulated/machine-state.ts";
import { LINK_ALIAS_PREFIX, MARK_MASK, markOfPath, ROUTE_PROTOCOL, tableOfPath } from "../../src/model/ownership.ts";
import { routesOfSpec } from "../../src/resources/routes/route-table.ts";

/** One thing that another program, or an earlier awg, left on the laptop before we came. */
export interface Trait {
  readonly name: string;
  apply(state: MachineState): void;
}

const TAILSCALE_TABLE = 52;
const UNUSED_PATH = 47;

const FOREIGN: readonly Trait[] = [
  {
    name: "second uplink",
    apply(state) {
      const addresses = ["192.168.7.20/24"];
      state.links.push(simulatedLink({ device: "wlan0", index: 3, medium: "physical", mtuBytes: 1500, addresses }));
      state.routes.push(defaultRoute(4, "wlan0", "192.168.7.1", 600));
    },
  },
  {
    name: "no IPv6 uplink",
    apply(state) {
      state.routes = state.routes.filter(({ family }) => family === 4);
    },
  },
  {
    name: "rules and table of another VPN",
    apply(state) {
      const destination = "100.64.0.0/10";
      const route = { family: 4, table: TAILSCALE_TABLE, destination, type: "unicast", device: "eth0" } as const;
      state.routes.push({ ...route, metric: 0, protocol: ADMIN_PROTOCOL });
      const mark = { value: 0x80000, mask: 0xff0000 };
      addRule(state, 5210, { mark }, MAIN_TABLE);
      addRule(state, 5270, {}, TAILSCALE_TABLE);
    },
  },
  {
    name: "foreign rule in our range",
    apply(state) {
      addRule(state, 10_150, { source: "192.0.2.99/32" }, MAIN_TABLE);
    },
  },
  {
    name: "foreign route in our table",
    apply(state) {
      const route = { family: 4, table: tableOfPath(1), destination: "192.0.2.128/25", type: "unicast" } as const;
      state.routes.push({ ...route, device: "eth0", metric: 0, protocol: ADMIN_PROTOCOL });
    },
  },
  {
    name: "packet filter of another program",
    apply(state) {
      state.foreignTables.push({ name: "inet filter", drops: ["192.0.2.200/32"] });
    },
  },
  {
    name: "another resolv.conf",
    apply(state) {
      state.resolver.text = "# hand made\nsearch lan\nnameserver 192.168.1.1\nnameserver 2001:db8:1::1\n";
    },
  },
  {
    name: "settings already as wanted",
    apply(state) {
      for (const name of Object.keys(state.sysctls)) if (name.includes("src_valid_mark")) state.sysctls[name] = "1";
    },
  },
];

const LEFTOVERS: readonly Trait[] = [
  {
    name: "leftover device",
    apply(state) {
      const addresses = ["10.99.0.2/32"];
      const link = simulatedLink({ device: "awg-old", index: 9, medium: "tunnel", mtuBytes: 1420, addresses });
      state.links.push({ ...link, type: "tun", alias: `${LINK_ALIAS_PREFIX}old`, held: true });
    },
  },
  {
    name: "leftover table and rule",
    apply(state) {
      const table = tableOfPath(UNUSED_PATH);
      const { guards, unicast } = routesOfSpec({ table, destinations: [], guards: [4, 6], rules: [] });
      state.routes.push(...guards, ...unicast);
      addRule(state, 10_180, { mark: { value: markOfPath(UNUSED_PATH), mask: MARK_MASK } }, table, ROUTE_PROTOCOL);
    },
  },
];

const OBSTACLE: Trait = {
  name: "foreign device in our place",
  apply(state) {
    const link = simulatedLink({ device: "awg-office", index: 8, medium: "tunnel", mtuBytes: 1500, addresses: [] });
    state.links.push({ ...link, type: "tun" });
  },
};

function addRule(
  state: MachineState,
  preference: number,
  match: MachineState["rules"][number]["rule"]["match"],
  table: number,
  protocol: number = ADMIN_PROTOCOL,
): void {
  state.rules.push({ rule: { family: 4, preference, match, table }, protocol });
  state.rules.sort((a, b) => a.rule.preference - b.rule.preference);
}

export interface StartingMachine {
  readonly state: MachineState;
  /** The same machine without what an earlier awg left: how it must be after destroy. */
  readonly clean: MachineState;
  readonly traits: readonly string[];
}

/** What may be found on machines of one kind. */
export interface Kind {
  readonly base: () => MachineState;
  /** Things of others: they must stand there unchanged at the end (law 6). */
  readonly foreign: readonly Trait[];
  /** What an earlier awg whose ledger is lost left behind; it is ours by its mark, and goes. */
  readonly leftovers: readonly Trait[];
  /** Of somebody else, where ours would stand: an apply that wants the place must be refused, and touch nothing. */
  readonly obstacle: Trait;
}

/** Machines of a kind, with any of its traits. */
export function machinesOf({ base, foreign, leftovers, obstacle }: Kind): fc.Arbitrary<StartingMachine> {
  const withTraits = (traits: readonly Trait[]): MachineState => {
    const state = base();
    for (const trait of traits) trait.apply(state);
    return state;
  };
  return fc
    .record({
      foreign: fc.subarray([...foreign]),
      leftovers: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.subarray([...leftovers]) },
      ),
      obstacle: fc.constantFrom(...Array(15).fill(false), true),
    })
    .map((chosen) => {
      const theirs = chosen.obstacle ? [...chosen.foreign, obstacle] : chosen.foreign;
      const all = [...theirs, ...chosen.leftovers];
      const traits = all.map(({ name }) => name);
      const reported = `a machine with ${traits.join(", ")}`;
      return { state: withTraits(all), clean: withTraits(theirs), traits, [fc.toStringMethod]: () => reported };
    });
}

/** A laptop with any of these traits. */
export const machineArbitrary: fc.Arbitrary<StartingMachine> = machinesOf({
  base: laptopState,
  foreign: FOREIGN,
  leftovers: LEFTOVERS,
  obstacle: OBSTACLE,
});
