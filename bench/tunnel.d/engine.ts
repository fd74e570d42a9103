/**
 * Starts the engine of an installed awg on a device of this namespace, as the keeper does, and prints its process id. Ends it
 * when standard input ends. engine.ts DEVICE MTU AWG PROTOCOL LOG
 */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { startEngineProgram } from "../../src/keeper/engines/engine-program.ts";
import { openTun } from "../../src/native/linux/tun.ffi.ts";

const [device = "", mtuBytes = "1420", awg = "", protocol = "", logPath = ""] = process.argv.slice(2);
using tun = openTun({ name: device, vnetHeader: true });
spawnSync("ip", ["link", "set", device, "mtu", mtuBytes]);
// A keeper starts its engines from the program that it runs itself.
process.argv[1] = awg;
const child = startEngineProgram({
  device,
  kind: "embedded",
  protocol: protocol === "amneziawg" ? "amneziawg" : "wireguard",
  user: { uid: 0, gid: 0 },
  tunFd: tun.fd,
  logPath,
  folder: dirname(logPath),
});
console.log(child.pid);
await once(process.stdin.resume(), "end");
child.kill("SIGKILL");
await once(child, "exit");
