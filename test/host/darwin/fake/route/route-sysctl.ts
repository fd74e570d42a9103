import { constant } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type Failure, fail, type Kernel } from "../descriptor.ts";
import { addressMessage, interfaceDump, routeMessage } from "./route-messages.ts";

/** sysctl {CTL_NET, PF_ROUTE, 0, family, NET_RT_*, argument}: the routes, or the interfaces with their addresses. */
export function routeSysctl(kernel: Kernel, mib: readonly number[]): Uint8Array {
  const [, , protocol = -1, family = -1, what = -1, argument = -1] = mib;
  if (mib.length !== 6 || protocol !== 0) throw new UnfaithfulCall("sysctl PF_ROUTE", `mib ${mib.join(".")}`);
  const families = [0, constant("AF_INET"), constant("AF_INET6")];
  if (!families.includes(family)) throw new UnfaithfulCall("sysctl PF_ROUTE", `family ${family}`);
  if (what === constant("NET_RT_IFLIST2")) return interfaceList(kernel, family, argument);
  const name = ["NET_RT_DUMP", "NET_RT_DUMP2"].find((one) => constant(one) === what);
  if (name === undefined) throw new UnfaithfulCall("sysctl PF_ROUTE", `request ${what}`);
  if (argument !== 0) throw new UnfaithfulCall(`sysctl ${name}`, `argument ${argument}`);
  kernel.log.take(`sysctl ${name}`);
  const type = name === "NET_RT_DUMP" ? "RTM_GET" : "RTM_GET2";
  const { machine } = kernel;
  return joined(
    machine.routes
      .filter(({ prefix }) => family === 0 || constant(prefix.family === 4 ? "AF_INET" : "AF_INET6") === family)
      .map((route) => {
        const header = { type, pid: 0, seq: 0, errno: 0, flags: route.flags, withInterface: false } as const;
        return routeMessage(machine, route, header, true);
      }),
  );
}

/**
 * What sysctl does with a buffer: none asks for the size (with room to grow), one that is too small gets ENOMEM.
 * The answer is the length told.
 */
export function copyOut(data: Uint8Array, out: Uint8Array | undefined): { readonly length: number } | Failure {
  if (out === undefined) return { length: data.length };
  if (out.length < data.length) return fail("ENOMEM");
  out.set(data);
  return { length: data.length };
}

function interfaceList({ machine, log }: Kernel, family: number, index: number): Uint8Array {
  log.take("sysctl NET_RT_IFLIST2");
  const messages: Uint8Array[] = [];
  for (const device of machine.interfaces) {
    if (index !== 0 && device.index !== index) continue;
    messages.push(interfaceDump(device));
    for (const address of device.addresses) {
      const number = constant(address.prefix.family === 4 ? "AF_INET" : "AF_INET6");
      if (family === 0 || family === number) messages.push(addressMessage("RTM_NEWADDR", device, address, true));
    }
  }
  return joined(messages);
}

function joined(messages: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(messages));
}
