// Runs inside a namespace of its own: the life of a TUN device, and every way to be refused one.
import { AwgError } from "../../../src/model/error.ts";
import { callLibc, closeDescriptor } from "../../../src/native/linux/libc.ffi.ts";
import { openRouteNetlink } from "../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";
import { adoptTun, openTun } from "../../../src/native/linux/tun.ffi.ts";

function refusal(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof AwgError
      ? { kind: error.kind, message: error.message, remedy: error.remedy }
      : String(error);
  }
  return "nothing was refused";
}

using net = openRouteNetlink();
const report: Record<string, unknown> = {};
const seen = () => net.link("tun-a")?.carrier ?? "no link";
{
  using tun = openTun({ name: "tun-a", nonBlocking: true });
  report["name"] = tun.name;
  report["kind"] = net.link("tun-a")?.kind;
  report["held"] = refusal(() => openTun({ name: "tun-a" }));
  report["adopted"] = adoptTun(tun.fd).name;
  net.changeLink(net.link("tun-a")?.index ?? 0, { up: true, mtu: 1420 });
  tun.setCarrier(false);
  report["carrierOff"] = seen();
  tun.setCarrier(true);
  report["carrierOn"] = seen();
  net.addAddress({
    family: 4,
    linkIndex: net.link("tun-a")?.index ?? 0,
    address: "10.66.0.1/24",
    scope: 0,
    flags: 0,
    protocol: 97,
  });
  // A datagram into the tunnel comes out of the descriptor, whole and without a header before it.
  const socket = callLibc("socket", 2, 2, 0);
  const to = Uint8Array.of(2, 0, 0, 53, 10, 66, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0);
  report["sent"] = callLibc("sendto", socket, Uint8Array.of(1, 2, 3), 3, 0, to, to.length);
  closeDescriptor(socket);
  const packet = new Uint8Array(2048);
  const deadline = process.hrtime.bigint() + 30_000_000_000n;
  const udp: number[] = [];
  while (udp.length === 0 && process.hrtime.bigint() < deadline) {
    const got = callLibc("read", tun.fd, packet, packet.length);
    if (got > 20 && packet[0] === 0x45 && packet[9] === 17) udp.push(...packet.subarray(0, got));
  }
  report["packet"] = { bytes: udp.length, destination: udp.slice(16, 20), data: udp.slice(28) };
  tun.setPersistent(true);
}
report["afterClose"] = net.link("tun-a")?.kind;
report["afterCloseCarrier"] = seen();
{
  using again = openTun({ name: "tun-a" });
  again.setPersistent(false);
}
report["afterTemporary"] = net.link("tun-a")?.kind ?? "no link";
net.createLink({ name: "cable", kind: "veth", peerName: "cable-end" });
report["notTun"] = refusal(() => openTun({ name: "cable" }));
{
  using exclusive = openTun({ name: "tun-b", exclusive: true, vnetHeader: true });
  exclusive.setPersistent(true);
}
report["exclusive"] = refusal(() => openTun({ name: "tun-b", exclusive: true, vnetHeader: true }));
report["longName"] = refusal(() => openTun({ name: "a-name-of-16-byte" }));
report["notATun"] = refusal(() => adoptTun(0));
process.stdout.write(JSON.stringify(report));
