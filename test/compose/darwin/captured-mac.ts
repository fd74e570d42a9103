import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseIp } from "../../../src/model/ip.ts";
import { type CapturedInterface, readIfconfig, readNetstat } from "../../host/darwin/captures/captured-tables.ts";
import { constant } from "../../host/darwin/fake/abi.ts";
import { addressOf, type FakeMachine, prefixOf } from "../../host/darwin/fake/machine.ts";
import { factsFolder } from "../../support/facts.ts";

const IFCONFIG = "ifconfig/jc-osx-10.14.6-ifconfig2.txt";
const NETSTAT = "netstat-rn/jc-osx-10.14.6-netstat-rnl.txt";
const fixtures = factsFolder("darwin-fixtures");

/** Why there is no captured Mac here; undefined where there is. */
export const captureObstacle: string | undefined =
  fixtures === undefined ? "darwin-fixtures is not here (AWG_FACTS)" : undefined;

/** Where each part of the golden folder's Mac comes from. */
export const SOURCES = `The Mac of this folder, and where each part of it comes from.

captured (kellyjonbrazil/jc, MIT, one MacBook with macOS 10.14.6):
  names, numbers, flags, MTUs and addresses of interfaces: ${IFCONFIG}
  default routes of both families, also those of Apple's own utuns: ${NETSTAT}
constructed:
  kinds of interfaces: by their names, as net/if_types.h numbers them (darwin-notes 2)
  routes of addresses and of links: as the kernel makes them for an address (darwin-notes 2)
  the resolver: the router's address, in the form of darwin-notes 5; the only capture of scutil --dns is cut off
  PF, disabled and with the anchors of macOS's own /etc/pf.conf: pf-notes
  launchd without a job of awg's, the window's app and its user, the keeper, the engine: darwin-notes 8, wireguard-go's UAPI
`;

/** Turns a machine into the captured Mac: everything that it had before is taken away. */
export function becomeCaptured(machine: FakeMachine): void {
  const read = (file: string) => readFileSync(join(fixtures ?? "", file), "utf8");
  const [byAddress, inScope] = [constant("RTF_GATEWAY"), constant("RTF_IFSCOPE")];
  for (const { name } of [...machine.interfaces]) machine.removeInterface(name);
  machine.routes.length = 0;
  machine.forgetNumbers();
  for (const one of readIfconfig(read(IFCONFIG))) {
    const made = machine.addInterface(one.name, kindOf(one), one.flags, one.mtu);
    for (const address of one.addresses) machine.addAddress(made, { prefix: prefixOf(address), peer: undefined });
  }
  let router = "";
  for (const { destination, gateway, flags, device } of readNetstat(read(NETSTAT))) {
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
