import type { LinkSpec } from "../../../model/resources/link.ts";
import {
  addAddressRequest,
  type InterfaceRequest,
  mtuRequest,
} from "../../../native/darwin/link/interface-request.codec.ts";
import { encodeControlAddress, encodeControlInfo } from "../../../native/darwin/link/utun.codec.ts";

/**
 * Renders the calls that create a tunnel's interface, one per line with each argument in hex, for people. The kernel
 * chooses the control's id and the unit; here the unit is in the name.
 *
 * @param name of the example interface, "utun100"
 */
export function renderLinkCalls(spec: LinkSpec, name: string): string {
  const unit = Number(name.slice("utun".length));
  return [
    `# ${name} is an example for ${spec.device}; the keeper holds its descriptor and writes its name to ${spec.tunnel}.name`,
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
