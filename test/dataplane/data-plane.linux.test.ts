import { spawn, spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PlaneObservation } from "../../src/dataplane/contract.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { type End, type Lab, makeLab } from "./lab.ts";
import type { EndSettings } from "./scripts/end.script.ts";

const obstacle = namespaceObstacle() ?? tunObstacle();
const title = (what: string, why: string | undefined) => `${what}${why === undefined ? "" : ` (${why})`}`;

/** Made by `wg genkey` and `wg pubkey` for this test. */
const KEYS = {
  a: { private: "6ExP3nmQKy2gj2thHtI1HYAV1b5mYpTb2xiZ+Wq0eWI=", public: "" },
  b: { private: "KOr2kYkm9gFoxJ5eRJPhO7sCQOkHRIHIB4zV7K1T10Q=", public: "" },
  shared: "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=",
};

/** Sizes about the edges of padding, of the MTU and of fragments. */
const SIZES = [1, 2, 15, 16, 17, 100, 1199, 1200, 1201, 1372, 3000];
const BYTES = 3_000_000;

const TALK_31 = {
  s1: "40",
  s2: "60",
  s3: "13",
  s4: "12",
  jc: "3",
  jmin: "10",
  jmax: "50",
  header_protection_key: "1f".repeat(32),
  content_padding_addition: "10-100",
};

const CHANGED = { s1: "72", s2: "40", s3: "8", s4: "5", h1: "1000", h2: "3000", h3: "98234", h4: "100000" };

describe.skipIf(obstacle !== undefined)(title("the data plane between two namespaces", obstacle), () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = makeLab("plane");
    const { x25519 } = await import("@noble/curves/ed25519.js");
    for (const end of [KEYS.a, KEYS.b]) {
      end.public = Buffer.from(x25519.getPublicKey(new Uint8Array(Buffer.from(end.private, "base64")))).toString(
        "base64",
      );
    }
  });
  afterAll(() => lab?.[Symbol.dispose]());

  const near = (more: Partial<EndSettings> = {}, far = "192.0.2.2"): EndSettings => ({
    tun: "tun-a",
    addresses: ["10.77.0.1/24", "fd77::1/64"],
    mtu: 1420,
    privateKey: KEYS.a.private,
    port: 51001,
    peers: [{ key: KEYS.b.public, presharedKey: KEYS.shared, endpoint: [far, 51002] }],
    ...more,
  });
  const distant = (more: Partial<EndSettings> = {}): EndSettings => ({
    tun: "tun-b",
    addresses: ["10.77.0.2/24", "fd77::2/64"],
    mtu: 1420,
    privateKey: KEYS.b.private,
    port: 51002,
    peers: [{ key: KEYS.a.public, presharedKey: KEYS.shared }],
    ...more,
  });

  async function openBoth(more: Partial<EndSettings>, far?: string): Promise<void> {
    await lab.b.tell("open", distant(more));
    await lab.a.tell("open", near(more, far));
  }

  let port = 7000;
  async function sendBetween(from: End, to: End, host: string, bytes = BYTES): Promise<void> {
    port += 1;
    await to.tell("listen", { host, port });
    const sent = await from.tell("send", { host, port, seed: port, bytes });
    expect(await to.tell("received")).toBe(sent);
  }

  async function talk(bytes = BYTES): Promise<void> {
    await sendBetween(lab.a, lab.b, "10.77.0.2", bytes);
    await sendBetween(lab.b, lab.a, "fd77::1", bytes);
    port += 1;
    await lab.b.tell("echo", { host: "10.77.0.2", port });
    expect(await lab.a.tell("ask", { host: "10.77.0.2", port, sizes: SIZES })).toEqual(SIZES);
  }

  async function tunnelOf(end: End) {
    const { tunnels, ...plane } = (await end.tell("observe")) as PlaneObservation;
    const [tunnel] = tunnels;
    if (tunnel === undefined) throw new Error("there is no tunnel");
    return { ...tunnel, plane, counters: tunnel.counters as Record<string, number> };
  }

  async function expectClean(): Promise<void> {
    for (const end of [lab.a, lab.b]) {
      const { counters } = await tunnelOf(end);
      const { badTransport, badSource, tunWriteDropped, unrecognised } = counters;
      expect({ badTransport, badSource, tunWriteDropped }).toEqual({
        badTransport: 0,
        badSource: 0,
        tunWriteDropped: 0,
      });
      expect(unrecognised).toBeLessThan(20);
    }
  }

  it("carries TCP and UDP in both directions unchanged, many packets a system call", async () => {
    await openBoth({});
    await talk();
    await expectClean();
    const { counters, tun, udp, plane } = await tunnelOf(lab.a);
    expect(plane).toMatchObject({ crypto: "openssl" });
    expect(plane.fallbackReason).toBeUndefined();
    if (tun.offload >= 0x7) {
      expect((counters["tunReadPackets"] ?? 0) / (counters["tunReadReads"] ?? 1)).toBeGreaterThan(1.5);
    }
    if (udp.segments) {
      expect((counters["udpSendDatagrams"] ?? 0) / (counters["udpSendMessages"] ?? 1)).toBeGreaterThan(1.5);
    }
  });

  it("does so over IPv6 and with an MTU that is no multiple of anything", async () => {
    await openBoth({ mtu: 1399 }, "2001:db8::2");
    await talk();
    await expectClean();
  });

  it.each([
    ["TCP offloads alone", { tunOffload: 0x7 }, 0x7],
    ["checksum offload alone", { tunOffload: 0x1 }, 0x1],
    ["a virtio header that says nothing", { tunOffload: 0 }, 0],
    ["no virtio header", { vnetHeader: false }, 0],
  ])("falls back to %s", async (_name, more, offload) => {
    await openBoth(more);
    expect((await tunnelOf(lab.a)).tun.offload).toBe(offload);
    await talk();
    await expectClean();
  });

  it("has a device with a queue that holds what comes while others keep the processors busy", async () => {
    await lab.a.tell("open", near());
    const link = JSON.parse(lab.a.namespace.run(["ip", "-j", "link", "show", "tun-a"]).stdout) as [{ txqlen: number }];
    expect(link[0].txqlen).toBe(2000);
  });

  it("falls back to datagrams one by one", async () => {
    await openBoth({ udpOffload: false });
    expect((await tunnelOf(lab.a)).udp).toMatchObject({ segments: false, coalesces: false });
    await talk();
    await expectClean();
  });

  it("falls back to @noble, and says so", async () => {
    await openBoth({ openssl: false });
    expect((await tunnelOf(lab.b)).plane).toMatchObject({ crypto: "noble", packetCipher: "noble" });
    await talk(500_000);
    await expectClean();
  });

  it.each([
    [
      "2.0",
      {
        s1: "72",
        s2: "40",
        s3: "8",
        s4: "5",
        h1: "1000-2000",
        h2: "3000-4000",
        h3: "98234",
        h4: "100000-900000",
        jc: "4",
        jmin: "40",
        jmax: "70",
      },
    ],
    ["3.1", TALK_31],
    ["3.1 with trailers", { ...TALK_31, content_padding_addition: "0", random_trailers: "1" }],
  ])("speaks AmneziaWG %s on the hot way", async (_version, obfuscation) => {
    await openBoth({ obfuscation });
    await talk(1_000_000);
    await expectClean();
    const { counters } = await tunnelOf(lab.a);
    expect(counters["unknownIndex"]).toBe(0);
  });

  it("keeps the session of a peer while others come and go and sockets change, and reports what happens to the device", async () => {
    await openBoth({});
    await sendBetween(lab.a, lab.b, "10.77.0.2", 200_000);
    const before = (await tunnelOf(lab.a)).peers[0];
    const stranger = { key: KEYS.shared };
    await lab.a.tell("configure", near({ peers: [...near().peers, stranger] }));
    await lab.a.tell("configure", near());
    await sendBetween(lab.a, lab.b, "10.77.0.2", 200_000);
    expect(await lab.a.tell("rebind")).toBe(51001);
    await lab.b.tell("configure", distant({ port: 51003 }));
    await sendBetween(lab.b, lab.a, "10.77.0.1", 200_000);
    expect((await tunnelOf(lab.a)).peers[0]?.lastHandshake).toEqual(before?.lastHandshake);
    expect((await tunnelOf(lab.a)).peers[0]?.endpoint?.port).toBe(51003);
    lab.a.namespace.run(["ip", "link", "delete", "tun-a"]);
    await expect
      .poll(() => lab.a.tell("events"), { timeout: 30_000 })
      .toContainEqual(expect.objectContaining({ kind: "device-gone", tunnel: "tun-a" }));
  });

  it.each([
    ["its wire format", {}, CHANGED],
    ["the width of H4", { obfuscation: CHANGED }, { ...CHANGED, h4: "100000-900000" }],
  ])("changes %s, one end after the other, and loses no packet", async (_what, before, obfuscation) => {
    await openBoth(before);
    await sendBetween(lab.a, lab.b, "10.77.0.2", 200_000);
    const argv = ["netns", "exec", lab.a.namespace.name, "ping", "-c", "30", "-i", "0.1", "-W", "60", "10.77.0.2"];
    const ping = spawn("ip", argv, { stdio: ["ignore", "pipe", "inherit"] });
    let seen = "";
    ping.stdout.setEncoding("utf8").on("data", (text: string) => {
      seen += text;
    });
    const until = (what: string) => expect.poll(() => seen, { timeout: 60_000 }).toContain(what);
    try {
      await until("icmp_seq=5 ");
      await lab.a.tell("configure", near({ obfuscation }));
      await until("icmp_seq=15 ");
      await lab.b.tell("configure", distant({ obfuscation }));
      await until(" packets transmitted");
    } finally {
      ping.kill("SIGKILL");
    }
    expect(seen).toContain("30 packets transmitted, 30 received");
    await talk(200_000);
    await expectClean();
  });

  it("reports an endpoint that cannot be reached", async () => {
    await openBoth({}, "198.51.100.7");
    await lab.a.tell("connect", { key: KEYS.b.public });
    await expect
      .poll(() => lab.a.tell("events"), { timeout: 30_000 })
      .toContainEqual(expect.objectContaining({ kind: "send-refused", errno: "ENETUNREACH" }));
  });

  const rival = commandObstacle("wireguard-go", "wg");
  it.skipIf(rival !== undefined)(title("talks with wireguard-go, whoever begins", rival), async () => {
    await lab.b.tell("close");
    const name = `r${process.pid}`;
    spawnSync("rm", ["-f", `/var/run/wireguard/${name}.sock`]);
    const go = spawn("ip", ["netns", "exec", lab.b.namespace.name, "wireguard-go", "-f", name], { stdio: "ignore" });
    try {
      await expect
        .poll(() => spawnSync("test", ["-S", `/var/run/wireguard/${name}.sock`]).status, { timeout: 30_000 })
        .toBe(0);
      const conf = [
        "[Interface]",
        `PrivateKey = ${KEYS.b.private}`,
        "ListenPort = 51002",
        "[Peer]",
        `PublicKey = ${KEYS.a.public}`,
        `PresharedKey = ${KEYS.shared}`,
        "Endpoint = 192.0.2.1:51001",
        "AllowedIPs = 0.0.0.0/0, ::/0",
      ].join("\n");
      const setConf = () => lab.b.namespace.run(["sh", "-c", `cat | wg setconf ${name} /dev/stdin`], { input: conf });
      setConf();
      for (const address of ["10.77.0.2/24", "fd77::2/64"]) {
        lab.b.namespace.run([
          "ip",
          "address",
          "add",
          address,
          "dev",
          name,
          ...(address.includes(":") ? ["nodad"] : []),
        ]);
      }
      lab.b.namespace.run(["ip", "link", "set", name, "mtu", "1420", "up"]);
      await lab.a.tell("open", near());
      await talk();
      // Now they begin, with no session left: our end is new and knows no endpoint.
      await lab.a.tell("open", near({ peers: [{ key: KEYS.b.public, presharedKey: KEYS.shared }] }));
      lab.b.namespace.run(["wg", "set", name, "peer", KEYS.a.public, "remove"]);
      setConf();
      await sendBetween(lab.b, lab.a, "10.77.0.1", 200_000);
      await expectCleanEnd();
    } finally {
      go.kill("SIGKILL");
      spawnSync("rm", ["-f", `/var/run/wireguard/${name}.sock`]);
    }
  });

  async function expectCleanEnd(): Promise<void> {
    const { counters, peers } = await tunnelOf(lab.a);
    expect(counters["badTransport"]).toBe(0);
    expect(peers[0]?.endpoint).toBeDefined();
  }
});
