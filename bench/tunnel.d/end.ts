/** One end of a tunnel for the bench: carries it until killed, and prints its counters for each line on stdin. */
import { createInterface } from "node:readline";
import type { TunnelSettings } from "../../src/dataplane/contract.ts";
import { startDataPlane } from "../../src/dataplane/data-plane.ts";
import { parsePrefix } from "../../src/model/prefix.ts";
import { addressToBytes } from "../../src/native/linux/address.codec.ts";
import { openTun } from "../../src/native/linux/tun.ffi.ts";
import type { EndOptions } from "./lab.ts";

const options = JSON.parse(process.argv[2] ?? "") as EndOptions;
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));
const tun = openTun({ name: options.device, vnetHeader: true });
const plane = await startDataPlane({ program: process.argv[3] ?? "" });
const { endpoint, obfuscation } = options;
const settings: TunnelSettings = {
  name: options.device,
  tunFd: tun.fd,
  privateKey: bytesOf(options.privateKey),
  mtuBytes: options.mtuBytes,
  ...(obfuscation === undefined ? {} : { obfuscation: { parameters: obfuscation } }),
  socket: { listenPort: options.port, mark: 0 },
  peers: [
    {
      publicKey: bytesOf(options.peerKey),
      ...(endpoint === undefined
        ? {}
        : { endpoint: { address: addressToBytes(endpoint[0]), port: endpoint[1], scope: 0 } }),
      allowedIPs: ["0.0.0.0/0", "::/0"].flatMap((text) => parsePrefix(text) ?? []),
    },
    ...(options.morePeers ?? []).map((key) => ({ publicKey: bytesOf(key), allowedIPs: [] })),
  ],
};
await plane.addTunnel(settings);
console.log("ready");
for await (const _ of createInterface({ input: process.stdin })) {
  const { tunnels } = await plane.observe();
  console.log(JSON.stringify(tunnels[0]?.counters));
}
await plane.stop();
