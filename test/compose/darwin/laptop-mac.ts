import { parseIp } from "../../../src/model/ip.ts";
import { type CapturedInterface, readIfconfig, readNetstat } from "../../host/darwin/captures/captured-tables.ts";
import { constant } from "../../host/darwin/fake/abi.ts";
import { addressOf, type FakeMachine, prefixOf } from "../../host/darwin/fake/machine.ts";
import { darwinOutput } from "../../support/facts.ts";

const IFCONFIG = "ifconfig/laptop.txt";
const NETSTAT = "netstat-rn/laptop-rnl.txt";

/** Where each part of the golden folder's Mac comes from. */
export const SOURCES = `The Mac of this folder is constructed, in the form that macOS prints; examples/laptop/hosts/macos.json is the same Mac.

from test/facts/darwin-outputs:
  names, numbers, flags, MTUs and addresses of interfaces: ${IFCONFIG}
  default routes of both families, also those of Apple's own utuns: ${NETSTAT}
from elsewhere:
  kinds of interfaces: by their names, as net/if_types.h numbers them (darwin-notes 2)
  routes of addresses and of links: as the kernel makes them for an address (darwin-notes 2)
  the resolver: the router's address, in the form of darwin-notes 5
  PF, disabled and with the anchors of macOS's own /etc/pf.conf: pf-notes
  launchd without a job of awg's, the window's app and its user, the keeper, the engine: darwin-notes 8, wireguard-go's UAPI
`;

/** Turns a machine into the constructed laptop: what it had before is removed. */
export function becomeLaptop(machine: FakeMachine): void {
  const [byAddress, inScope] = [constant("RTF_GATEWAY"), constant("RTF_IFSCOPE")];
  for (const { name } of [...machine.interfaces]) machine.removeInterface(name);
  machine.routes.length = 0;
  machine.forgetNumbers();
  for (const one of readIfconfig(darwinOutput(IFCONFIG))) {
    const made = machine.addInterface(one.name, kindOf(one), one.flags, one.mtu);
    for (const address of one.addresses) machine.addAddress(made, { prefix: prefixOf(address), peer: undefined });
  }
  let router = "";
  for (const { destination, gateway, flags, device } of readNetstat(darwinOutput(NETSTAT))) {
    const [address = ""] = gateway.split("%");
    const through = machine.interfaceNamed(device);
    const isDefault = (destination === "0.0.0.0/0" || destination === "::/0") && (flags & byAddress) !== 0;
    if (!isDefault || through === undefined || parseIp(address) === undefined) continue;
    router ||= address;
    const scope = (flags & inScope) === 0 ? 0 : through.index;
    const way = { flags, gateway: addressOf(address), interfaceIndex: through.index, scope, mtu: 0 };
    machine.routes.push({ ...way, prefix: prefixOf(destination) });
  }
  machine.store.keys.set("State:/Network/Global/DNS", new Map([["ServerAddresses", [router]]]));
}

/** IFT_* by the name: loopback, gif, stf, utun and the rest of what is no link of its own, Ethernet. */
function kindOf({ name }: CapturedInterface): number {
  if (name.startsWith("lo")) return 24;
  if (name.startsWith("gif")) return 55;
  if (name.startsWith("stf")) return 57;
  return name.startsWith("utun") ? 1 : 6;
}
