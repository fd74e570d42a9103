// The embedded engine of a device, as the keeper starts it, but with a device and a socket of its own making.
import { runEngine } from "../../../src/dataplane/run-engine.ts";
import { openTun } from "../../../src/native/linux/tun.ffi.ts";

const [device = ""] = process.argv.slice(2);
using tun = openTun({ name: device, vnetHeader: true });
await runEngine({
  device,
  tunFd: tun.fd,
  uapi: { path: `/var/run/wireguard/${device}.sock` },
  hostSettings: () => ({ mtuBytes: 1420 }),
  lookMs: 5000,
  report: (line) => process.stderr.write(`${line}\n`),
});
