import { constant, ioctlName, StructView, sizeOf } from "./abi.ts";
import { UnfaithfulCall } from "./accepted.ts";
import { type Descriptor, type Failure, fail, type Kernel } from "./descriptor.ts";
import type { FakeInterface } from "./machine.ts";

const UTUN_CONTROL = "com.apple.net.utun_control";
const UTUN_CONTROL_ID = 7;
/** IFF_UP, IFF_POINTOPOINT, IFF_RUNNING, IFF_MULTICAST. */
const NEW_FLAGS = 0x8051;
const IFT_OTHER = 1;

/** A kernel control socket; once connected to the utun control it is an interface that goes when it is closed. */
export class ControlSocket implements Descriptor {
  readonly kind = "AF_SYSTEM control";
  nonblocking = false;
  closeOnExec = false;
  readonly #kernel: Kernel;
  #asked = false;
  #device: FakeInterface | undefined;
  /** Packets as the kernel has them: without the family word, with the family they were marked with. */
  readonly sent: { readonly family: number; readonly packet: Uint8Array }[] = [];
  readonly arriving: Uint8Array[] = [];
  /** Packets for a reader that the kernel keeps; the next is dropped (utun_ctl_bind). */
  pendingPackets = 1;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get device(): FakeInterface | undefined {
    return this.#device;
  }

  ioctl(request: number, argument: Uint8Array): number | Failure {
    if (ioctlName(request) !== "CTLIOCGINFO") throw new UnfaithfulCall("ioctl AF_SYSTEM", `request ${request}`);
    this.#kernel.log.take("ioctl CTLIOCGINFO");
    if (argument.length !== sizeOf("ctl_info"))
      throw new UnfaithfulCall("ioctl CTLIOCGINFO", `${argument.length} bytes`);
    const view = new StructView("ctl_info", argument);
    if (view.get("ctl_id") !== 0) throw new UnfaithfulCall("ioctl CTLIOCGINFO", "ctl_id is to be zero");
    if (view.text("ctl_name") !== UTUN_CONTROL) return fail("ENOENT");
    view.set("ctl_id", UTUN_CONTROL_ID);
    this.#asked = true;
    return 0;
  }

  connect(address: Uint8Array): number | Failure {
    this.#kernel.log.take("connect utun");
    const size = sizeOf("sockaddr_ctl");
    if (address.length !== size) throw new UnfaithfulCall("connect utun", `an address of ${address.length} bytes`);
    const view = new StructView("sockaddr_ctl", address);
    if (view.get("sc_len") !== size) return fail("EINVAL");
    if (view.get("sc_family") !== constant("AF_SYSTEM") || view.get("ss_sysaddr") !== constant("AF_SYS_CONTROL")) {
      throw new UnfaithfulCall("connect utun", "sc_family or ss_sysaddr is wrong");
    }
    if (view.bytes("sc_reserved").some((byte) => byte !== 0)) throw new UnfaithfulCall("connect utun", "sc_reserved");
    if (!this.#asked) throw new UnfaithfulCall("connect utun", "before CTLIOCGINFO told the control's number");
    if (view.get("sc_id") !== UTUN_CONTROL_ID) return fail("ENOENT");
    if (this.#kernel.caller.uid !== 0) return fail("EPERM");
    if (this.#device !== undefined) return fail("EISCONN");
    const { machine } = this.#kernel;
    const unit = view.get("sc_unit") === 0 ? this.#firstFree() : view.get("sc_unit") - 1;
    if (machine.interfaceNamed(`utun${unit}`) !== undefined) return fail("EBUSY");
    this.#device = machine.addInterface(`utun${unit}`, IFT_OTHER, NEW_FLAGS, 1500);
    machine.tell({ kind: "interface", interfaceIndex: this.#device.index });
    return 0;
  }

  getsockopt(level: number, name: number, buffer: Uint8Array): { readonly length: number } | Failure {
    const known = level === constant("SYSPROTO_CONTROL") && name === constant("UTUN_OPT_IFNAME");
    if (!known) throw new UnfaithfulCall("getsockopt AF_SYSTEM", `level ${level} option ${name}`);
    this.#kernel.log.take("getsockopt UTUN_OPT_IFNAME");
    if (this.#device === undefined) return fail("EINVAL");
    const text = new TextEncoder().encode(`${this.#device.name}\0`);
    if (buffer.length < text.length) return fail("EMSGSIZE");
    buffer.set(text);
    return { length: text.length };
  }

  setsockopt(level: number, name: number, value: Uint8Array): number | Failure {
    const known = level === constant("SYSPROTO_CONTROL") && name === constant("UTUN_OPT_MAX_PENDING_PACKETS");
    if (!known) throw new UnfaithfulCall("setsockopt AF_SYSTEM", `level ${level} option ${name}`);
    this.#kernel.log.take("setsockopt UTUN_OPT_MAX_PENDING_PACKETS");
    if (value.length !== 4) return fail("EINVAL");
    this.pendingPackets = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    return 0;
  }

  read(buffer: Uint8Array): number | Failure {
    this.#kernel.log.take("read utun");
    const packet = this.arriving.shift();
    if (packet === undefined) {
      if (this.nonblocking) return fail("EAGAIN");
      throw new UnfaithfulCall("read utun", "no packet on a blocking descriptor: it would wait for ever");
    }
    const family = (packet[0] ?? 0) >> 4 === 6 ? constant("AF_INET6") : constant("AF_INET");
    const whole = Uint8Array.of(0, 0, 0, family, ...packet);
    buffer.set(whole.subarray(0, buffer.length));
    return Math.min(whole.length, buffer.length);
  }

  write(bytes: Uint8Array): number | Failure {
    this.#kernel.log.take("write utun");
    const family = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, false);
    const version = (bytes[4] ?? 0) >> 4;
    const right = version === 6 ? constant("AF_INET6") : constant("AF_INET");
    if (family !== right) throw new UnfaithfulCall("write utun", `family word ${family} before IPv${version}`);
    this.sent.push({ family, packet: bytes.slice(4) });
    return bytes.length;
  }

  close(): void {
    if (this.#device !== undefined) this.#kernel.machine.removeInterface(this.#device.name);
    this.#device = undefined;
  }

  #firstFree(): number {
    let unit = 0;
    while (this.#kernel.machine.interfaceNamed(`utun${unit}`) !== undefined) unit += 1;
    return unit;
  }
}
