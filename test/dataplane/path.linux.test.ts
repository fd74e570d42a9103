import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PlaneObservation } from "../../src/dataplane/contract.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { type Lab, makeLab } from "./lab.ts";
import type { EndSettings } from "./scripts/end.script.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "ping", "tcpdump");

/** Made by `wg genkey` and `wg pubkey` for this test. */
const KEYS = {
  a: { private: "6ExP3nmQKy2gj2thHtI1HYAV1b5mYpTb2xiZ+Wq0eWI=", public: "" },
  b: { private: "KOr2kYkm9gFoxJ5eRJPhO7sCQOkHRIHIB4zV7K1T10Q=", public: "" },
};
const LONGEST_MS = 30_000;
/** IPv4, UDP and WireGuard's own 32 bytes. */
const OVERHEAD_BYTES = 60;

describe.skipIf(obstacle !== undefined)(`A23: a path that grows narrow (${obstacle ?? "1,300 bytes"})`, () => {
  let lab: Lab;
  let seen = "";
  let capture: ReturnType<typeof spawn> | undefined;

  beforeAll(async () => {
    lab = makeLab("path");
    const { x25519 } = await import("@noble/curves/ed25519.js");
    for (const end of [KEYS.a, KEYS.b]) {
      const publicKey = x25519.getPublicKey(new Uint8Array(Buffer.from(end.private, "base64")));
      end.public = Buffer.from(publicKey).toString("base64");
    }
  });
  afterEach(() => {
    capture?.kill("SIGKILL");
    capture = undefined;
    for (const end of [lab.a, lab.b]) end.namespace.run(["ip", "link", "set", "cable", "mtu", "1500"]);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const endMs = Date.now() + LONGEST_MS;
    while (!(await holds())) {
      if (Date.now() > endMs) throw new Error(`${what} did not come about; seen:\n${seen}`);
      await sleep(100);
    }
  }

  async function openBoth(
    far = "192.0.2.2",
    udpOffload = true,
    obfuscation?: EndSettings["obfuscation"],
  ): Promise<void> {
    const [mtu, port] = [obfuscation === undefined ? 1420 : 1400, 51_002];
    const more = { udpOffload, ...(obfuscation === undefined ? {} : { obfuscation }) };
    const b: EndSettings = {
      ...{ tun: "tun-b", addresses: ["10.77.0.2/24", "fd77::2/64"], mtu, privateKey: KEYS.b.private, port },
      peers: [{ key: KEYS.a.public }],
      ...more,
    };
    const a: EndSettings = {
      ...{ tun: "tun-a", addresses: ["10.77.0.1/24", "fd77::1/64"], mtu, privateKey: KEYS.a.private, port: 51_001 },
      peers: [{ key: KEYS.b.public, endpoint: [far, port] }],
      ...more,
    };
    await lab.b.tell("open", b);
    await lab.a.tell("open", a);
  }

  function look(filter: string): void {
    seen = "";
    const argv = ["tcpdump", "-nn", "-v", "-l", "--immediate-mode", "-i", "cable", filter];
    capture = spawn("ip", ["netns", "exec", lab.b.namespace.name, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [capture.stdout, capture.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        seen += text;
      });
  }

  /** A ping that must not be cut, of so many bytes with its headers. */
  const pings = (bytes: number, host = "10.77.0.2") => {
    const size = String(bytes - (host.includes(":") ? 48 : 28));
    const argv = ["ping", "-M", "do", "-c", "1", "-W", "2", "-s", size, host];
    return lab.a.namespace.run(argv, { mayFail: true });
  };
  const narrow = (mtu: number) => {
    for (const end of [lab.a, lab.b]) end.namespace.run(["ip", "link", "set", "cable", "mtu", String(mtu)]);
  };
  let port = 7300;
  async function sendOver(host: string): Promise<void> {
    port += 1;
    await lab.b.tell("listen", { host, port });
    const sent = await lab.a.tell("send", { host, port, seed: port, bytes: 1_000_000 });
    expect(await lab.b.tell("received")).toBe(sent);
  }
  async function counter(name: string): Promise<number> {
    const { tunnels } = (await lab.a.tell("observe")) as PlaneObservation;
    return tunnels[0]?.counters[name] ?? 0;
  }

  it("reports the fitting size to the sender, and later packets are not fragmented", { timeout: 120_000 }, async () => {
    // Without segmentation by the kernel the capture shows each datagram.
    await openBoth("192.0.2.2", false);
    await until("the tunnel", () => pings(1420).status === 0);
    narrow(1300);
    await until("the answer", async () => pings(1420).status !== 0 && (await counter("tunReadTooBig")) > 0);
    look("ip");
    await until("the capture", () => seen.includes("listening on"));
    const reported = pings(1420);
    expect(reported.stdout + reported.stderr).toContain(`mtu=${1300 - OVERHEAD_BYTES}`);
    expect(pings(1300 - OVERHEAD_BYTES).status).toBe(0);
    await sendOver("10.77.0.2");
    await until("large packets in the capture", () => seen.includes("proto UDP (17), length 1300)"));
    // Nothing was cut, nothing but the tunnel's own packets left, and all of them with one class of traffic.
    expect(seen).not.toMatch(/flags \[\+\]|offset [1-9]|ICMP/);
    expect(Math.max(...[...seen.matchAll(/, length ([0-9]+)\)/g)].map(([, bytes]) => Number(bytes)))).toBe(1300);
    expect(new Set(seen.match(/tos 0x[0-9a-f]+/g))).toEqual(new Set(["tos 0x0"]));
  });

  it.each([
    ["content padding", { content_padding_addition: "16-400" }],
    ["trailers", { random_trailers: "1" }],
  ])(
    "counts AmneziaWG's padding of each packet, and %s stops at what fits",
    { timeout: 120_000 },
    async (_what, more) => {
      const s4Bytes = 12;
      const sizes = { s1: "72", s2: "40", s3: "30", s4: String(s4Bytes) };
      await openBoth("192.0.2.2", false, { ...sizes, ...more, header_protection_key: "07".repeat(32) });
      await until("the tunnel", () => pings(1000).status === 0);
      narrow(1300);
      await until("the answer", async () => pings(1400).status !== 0 && (await counter("tunReadTooBig")) > 0);
      look("ip");
      await until("the capture", () => seen.includes("listening on"));
      const reported = pings(1400);
      expect(reported.stdout + reported.stderr).toContain(`mtu=${1300 - OVERHEAD_BYTES - s4Bytes}`);
      expect(pings(1300 - OVERHEAD_BYTES - s4Bytes).status).toBe(0);
      await sendOver("10.77.0.2");
      await until("large packets in the capture", () => seen.includes("proto UDP (17), length 1300)"));
      expect(seen).not.toMatch(/flags \[\+\]|offset [1-9]|ICMP/);
      expect(Math.max(...[...seen.matchAll(/, length ([0-9]+)\)/g)].map(([, bytes]) => Number(bytes)))).toBe(1300);
    },
  );

  it("pads a packet that waited for the handshake no further than what fits either", { timeout: 120_000 }, async () => {
    narrow(1300);
    look("ip");
    await until("the capture", () => seen.includes("listening on"));
    const sizes = { s1: "72", s2: "40", s3: "30", s4: "12", header_protection_key: "07".repeat(32) };
    await openBoth("192.0.2.2", false, { ...sizes, content_padding_addition: "1250-1300" });
    await until("the tunnel", () => pings(100).status === 0);
    await until("the packet in the capture", () => seen.includes("proto UDP (17), length 1300)"));
    expect(seen).not.toMatch(/flags \[\+\]|offset [1-9]/);
  });

  it("answers over IPv6 too, down to what every link carries", { timeout: 120_000 }, async () => {
    await openBoth("2001:db8::2");
    await until("the tunnel", () => pings(1420, "fd77::2").status === 0);
    narrow(1380);
    await until(
      "the answer",
      () => pings(1420, "fd77::2").stdout.includes("mtu=1300") || pings(1420, "fd77::2").stderr.includes("mtu"),
    );
    expect(pings(1300, "fd77::2").status).toBe(0);
    await sendOver("fd77::2");
  });

  it("clamps the segment size of a new connection", { timeout: 120_000 }, async () => {
    await openBoth();
    await until("the tunnel", () => pings(100).status === 0);
    narrow(1300);
    await until("the answer", async () => {
      pings(1420);
      return (await counter("tunReadTooBig")) > 0;
    });
    const argv = ["tcpdump", "-nn", "-v", "-l", "--immediate-mode", "-i", "tun-b", "tcp[tcpflags] & tcp-syn != 0"];
    seen = "";
    capture = spawn("ip", ["netns", "exec", lab.b.namespace.name, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [capture.stdout, capture.stderr])
      stream?.setEncoding("utf8").on("data", (text: string) => {
        seen += text;
      });
    await until("the capture", () => seen.includes("listening on"));
    await sendOver("10.77.0.2");
    await until("the first packet", () => /mss [0-9]+/.test(seen));
    expect(seen).toMatch(
      new RegExp(`Flags \\[S\\], cksum [0-9a-fx]+ \\(correct\\).*mss ${1300 - OVERHEAD_BYTES - 40},`),
    );
  });

  it("marks of inner packets do not show on the outside", { timeout: 120_000 }, async () => {
    await openBoth();
    await until("the tunnel", () => pings(100).status === 0);
    look("udp port 51002");
    await until("the capture", () => seen.includes("listening on"));
    lab.a.namespace.run(["ping", "-Q", "0xb8", "-c", "3", "-i", "0.2", "10.77.0.2"]);
    await until("the packets", () => (seen.match(/tos 0x/g) ?? []).length >= 6);
    expect(new Set(seen.match(/tos 0x[0-9a-f]+/g))).toEqual(new Set(["tos 0x0"]));
  });
});

describe.skipIf(obstacle !== undefined)(`a server with several addresses (${obstacle ?? "two"})`, () => {
  let lab: Lab;
  beforeAll(() => {
    lab = makeLab("sticky");
    lab.b.namespace.run(["ip", "address", "add", "192.0.2.22/24", "dev", "cable"]);
    lab.b.namespace.run(["ip", "-6", "address", "add", "2001:db8::22/64", "dev", "cable", "nodad"]);
  });
  afterAll(() => lab?.[Symbol.dispose]());

  it.each([
    ["IPv4", "192.0.2.22", 22],
    ["IPv6", "2001:db8::22", 0x22],
  ] as const)("answers from the one that was spoken to: %s", { timeout: 120_000 }, async (_family, address, last) => {
    await lab.b.tell("open", {
      ...{ tun: "tun-b", addresses: ["10.77.0.2/24"], mtu: 1420, privateKey: KEYS.b.private, port: 51_002 },
      peers: [{ key: KEYS.a.public }],
    });
    await lab.a.tell("open", {
      ...{ tun: "tun-a", addresses: ["10.77.0.1/24"], mtu: 1420, privateKey: KEYS.a.private, port: 51_001 },
      peers: [{ key: KEYS.b.public, endpoint: [address, 51_002] }],
    });
    const ping = () => lab.a.namespace.run(["ping", "-c", "2", "-i", "0.2", "-W", "5", "10.77.0.2"], { mayFail: true });
    const endMs = Date.now() + LONGEST_MS;
    while (ping().status !== 0 && Date.now() < endMs) await sleep(100);
    const { tunnels } = (await lab.a.tell("observe")) as PlaneObservation;
    expect(tunnels[0]?.peers[0]?.receivedBytes).toBeGreaterThan(0);
    // The client would have followed the server to any other address.
    expect(Object.values(tunnels[0]?.peers[0]?.endpoint?.address ?? {}).at(-1)).toBe(last);
    expect(await lab.a.tell("events")).not.toContainEqual(expect.objectContaining({ kind: "roamed" }));
  });
});
