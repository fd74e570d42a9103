// One end of a tunnel, in a namespace: takes commands as JSON lines on stdin and answers each with a line.
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";
import type { PlaneEvent, TunnelSettings } from "../../../src/dataplane/contract.ts";
import { type DataPlane, startDataPlane } from "../../../src/dataplane/data-plane.ts";
import { parsePrefix } from "../../../src/model/prefix.ts";
import { addressToBytes } from "../../../src/native/linux/address.codec.ts";
import { openRouteNetlink } from "../../../src/native/linux/rtnetlink/route-netlink.ffi.ts";
import { openTun, type TunDevice } from "../../../src/native/linux/tun.ffi.ts";

export interface EndPeer {
  readonly key: string;
  readonly presharedKey?: string;
  readonly endpoint?: readonly [address: string, port: number];
}

/** What "open" takes; keys are base64. */
export interface EndSettings {
  readonly tun: string;
  readonly addresses: readonly string[];
  readonly mtu: number;
  readonly privateKey: string;
  readonly port: number;
  readonly peers: readonly EndPeer[];
  readonly vnetHeader?: boolean;
  readonly tunOffload?: number;
  readonly udpOffload?: boolean;
  readonly openssl?: boolean;
  readonly obfuscation?: Readonly<Record<string, string>>;
}

let plane: DataPlane | undefined;
let tun: TunDevice | undefined;
let events: PlaneEvent[] = [];
let withOpenssl = true;

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

function settingsOf(given: EndSettings, tunFd: number): TunnelSettings {
  const { obfuscation, tunOffload, udpOffload } = given;
  return {
    name: given.tun,
    tunFd,
    privateKey: bytesOf(given.privateKey),
    mtuBytes: given.mtu,
    ...(tunOffload === undefined ? {} : { tunOffload }),
    ...(obfuscation === undefined ? {} : { obfuscation: { parameters: obfuscation } }),
    socket: { listenPort: given.port, mark: 0, ...(udpOffload === undefined ? {} : { offload: udpOffload }) },
    peers: given.peers.map(({ key, presharedKey, endpoint }) => ({
      publicKey: bytesOf(key),
      ...(presharedKey === undefined ? {} : { presharedKey: bytesOf(presharedKey) }),
      ...(endpoint === undefined
        ? {}
        : { endpoint: { address: addressToBytes(endpoint[0]), port: endpoint[1], scope: 0 } }),
      allowedIPs: ["0.0.0.0/0", "::/0"].map((text) => parsePrefix(text) ?? { family: 4, address: 0n, length: 0 }),
    })),
  };
}

async function open(given: EndSettings): Promise<unknown> {
  await close();
  tun = openTun({ name: given.tun, vnetHeader: given.vnetHeader ?? true });
  using net = openRouteNetlink();
  const index = net.link(given.tun)?.index ?? 0;
  for (const address of given.addresses) {
    const family = address.includes(":") ? 6 : 4;
    // IFA_F_NODAD: usable at once.
    net.addAddress({ family, linkIndex: index, address, scope: 0, flags: family === 6 ? 2 : 0, protocol: 97 });
  }
  net.changeLink(index, { up: true, mtu: given.mtu });
  events = [];
  const running = await planeWith(given.openssl ?? true);
  const { publicKey: _, peers: __, ...rest } = await running.addTunnel(settingsOf(given, tun.fd));
  return rest;
}

/** The running data plane where it has the wanted cryptography, else a new one. */
async function planeWith(openssl: boolean): Promise<DataPlane> {
  if (plane !== undefined && openssl === withOpenssl) return plane;
  await plane?.stop();
  withOpenssl = openssl;
  plane = await startDataPlane({ openssl, onEvent: (event) => events.push(event) });
  return plane;
}

async function close(): Promise<void> {
  for (const { name } of (await plane?.observe())?.tunnels ?? []) await plane?.remove(name);
  tun?.[Symbol.dispose]();
  tun = undefined;
}

/** Bytes that a seed stands for. */
function textOf(seed: number, length: number): Buffer {
  const text = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  for (let at = 0; at + 4 <= length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    text.writeInt32LE(state, at);
  }
  return text;
}

const sha256 = (text: Uint8Array) => createHash("sha256").update(text).digest("hex");

let received: Promise<string> | undefined;

/** Listens for one connection; "received" gives the hash of what came over it. */
async function listen({ host, port }: { host: string; port: number }): Promise<unknown> {
  const server = createServer();
  received = (async () => {
    const [socket] = await once(server, "connection");
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    server.close();
    return sha256(Buffer.concat(chunks));
  })();
  server.listen(port, host);
  await once(server, "listening");
  return true;
}

async function send({ host, port, seed, bytes }: { host: string; port: number; seed: number; bytes: number }) {
  const text = textOf(seed, bytes);
  const socket = connect(port, host);
  await once(socket, "connect");
  socket.end(text);
  await once(socket, "close");
  return sha256(text);
}

/** Answers every datagram with itself. */
async function echo({ host, port }: { host: string; port: number }): Promise<unknown> {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  socket.on("message", (text, from) => socket.send(text, from.port, from.address));
  socket.bind(port, host);
  await once(socket, "listening");
  socket.unref();
  return true;
}

/** Sends datagrams of the sizes until each came back, and gives the sizes that came back as they were. */
async function ask({ host, port, sizes }: { host: string; port: number; sizes: readonly number[] }) {
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const back = new Set<number>();
  socket.on("message", (text) => {
    if (text.equals(textOf(text.length, text.length))) back.add(text.length);
  });
  const deadline = Date.now() + 30_000;
  while (back.size < sizes.length && Date.now() < deadline) {
    for (const size of sizes) if (!back.has(size)) socket.send(textOf(size, size), port, host);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  socket.close();
  return sizes.filter((size) => back.has(size));
}

const COMMANDS: Readonly<Record<string, (argument: never) => Promise<unknown>>> = {
  open,
  close,
  listen,
  send,
  echo,
  ask,
  received: async () => received,
  observe: async () => plane?.observe(),
  events: async () => events,
  connect: async ({ key }: { key: string }) =>
    plane?.connect((await plane.observe()).tunnels[0]?.name ?? "", bytesOf(key)),
  rebind: async () => (await plane?.rebind((await plane.observe()).tunnels[0]?.name ?? ""))?.listenPort,
  configure: async (given: EndSettings) => {
    const { name, tunFd: _, ...settings } = settingsOf(given, 0);
    await plane?.configure(name, settings);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { id, command, argument } = JSON.parse(line);
  const answer = await (async () => ({ id, value: await COMMANDS[command]?.(argument as never) }))().catch(
    (error: Error) => ({ id, error: String(error.stack) }),
  );
  const plain = (_key: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);
  process.stdout.write(`${JSON.stringify(answer, plain)}\n`);
}
await close();
await plane?.stop();
process.exit(0);
