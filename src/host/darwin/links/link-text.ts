import type { LinkSpec } from "../../../model/resources/link.ts";
import {
  addAddressRequest,
  type InterfaceRequest,
  mtuRequest,
} from "../../../native/darwin/link/interface-request.codec.ts";
import { encodeControlAddress, encodeControlInfo } from "../../../native/darwin/link/utun.codec.ts";

/**
 * The calls that make a tunnel's interface, one a line, with the bytes of each argument in hex: for people who want to
 * see what would be done. The control's number and the unit are the kernel's to tell; here the unit is in the name.
 *
 * @param name the interface it stands for, "utun100"
 */
export function renderLinkCalls(spec: LinkSpec, name: string): string {
  const unit = Number(name.slice("utun".length));
  return [
    `# ${name} stands for ${spec.device}; the keeper holds its descriptor, and its name stands in ${spec.tunnel}.name`,
    "socket(AF_SYSTEM, SOCK_DGRAM, SYSPROTO_CONTROL)",
    `ioctl(CTLIOCGINFO, ${hexOf(encodeControlInfo())})`,
    `connect(${hexOf(encodeControlAddress(0, unit))})`,
    "getsockopt(SYSPROTO_CONTROL, UTUN_OPT_IFNAME)",
    call("SIOCSIFMTU", mtuRequest(name, spec.mtuBytes), `${spec.mtuBytes} bytes`),
    ...spec.addresses.map((address) =>
      call(address.includes(":") ? "SIOCAIFADDR_IN6" : "SIOCAIFADDR", addAddressRequest(name, address), address),
    ),
  ].join("\n");
}

function call(title: string, { argument }: InterfaceRequest, meaning: string): string {
  return `ioctl(${title}, ${hexOf(argument)})  # ${meaning}`;
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
