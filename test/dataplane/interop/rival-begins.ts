import { expect } from "vitest";
import type { Lab } from "../lab.ts";
import { type Rival, startRival } from "./rival.ts";
import { KEYS, PORTS, publicOf } from "./talk-with-rival.ts";

/** Counts handshake initiations (message type 1, paper section 5.4.2) that come from wireguard-go, and our responses (2). */
const COUNTING = `
table inet initiations {
  counter in {}
  counter out {}
  chain input {
    type filter hook input priority 0
    udp dport ${PORTS.ours} @th,64,32 0x01000000 counter name in
  }
  chain output {
    type filter hook output priority 0
    udp sport ${PORTS.ours} @th,64,32 0x02000000 counter name out
  }
}
`;

/** Where our engine is heard. */
const ENDPOINTS = { 4: `192.0.2.1:${PORTS.ours}`, 6: `[2001:db8::1]:${PORTS.ours}` } as const;

export interface RivalBegins {
  /** Of the endpoints; inside are both. */
  readonly family: 4 | 6;
  readonly presharedKey: boolean;
  /** How many renewals. */
  readonly rekeys: number;
  /** What `ping` is told beside the address, for each of them. */
  readonly pings: readonly string[];
  /** Makes wireguard-go's session old before each. */
  ripen(rival: Rival): void;
}

/**
 * wireguard-go begins the handshakes: the first one, since our engine knows no endpoint, and those that renew the session,
 * with pings of its own before, while and after. None of them is lost.
 * Where there is a preshared key, wireguard-go gets no session any more without it.
 */
export async function letRivalBegin(
  lab: Lab,
  { family, presharedKey, rekeys, pings, ripen }: RivalBegins,
): Promise<void> {
  const shared = presharedKey ? { presharedKey: KEYS.shared } : {};
  const { a, b } = lab;
  await b.tell("close");
  await a.tell("open", {
    ...{ tun: "tun-a", addresses: ["10.77.0.1/24"], mtu: 1420, privateKey: KEYS.a, port: PORTS.ours },
    peers: [{ key: publicOf(KEYS.b), ...shared }],
  });
  a.namespace.run(["nft", "-f", "-"], { input: COUNTING });
  try {
    using rival = await startRival(b.namespace, {
      ...{ privateKey: KEYS.b, port: PORTS.rival, peer: publicOf(KEYS.a), addresses: ["10.77.0.2/24"] },
      ...{ endpoint: ENDPOINTS[family], ...shared },
    });
    b.namespace.run(["ping", "-q", "-c", "1", "-w", "30", "10.77.0.1"]);
    for (let rekey = 0; rekey < rekeys; rekey += 1) {
      ripen(rival);
      const { stdout } = b.namespace.run(["ping", "-q", ...pings, "10.77.0.1"], { timeoutMs: 400_000 });
      expect(stdout).toContain(" 0% packet loss");
    }
    for (const counter of ["in", "out"]) {
      const { stdout } = a.namespace.run(["nft", "list", "counter", "inet", "initiations", counter]);
      expect(Number(/packets (\d+)/.exec(stdout)?.[1]), counter).toBeGreaterThan(rekeys);
    }
    if (!presharedKey) return;
    rival.forgetPresharedKey();
    rival.expireSessions();
    expect(b.namespace.run(["ping", "-q", "-c", "1", "-w", "2", "10.77.0.1"], { mayFail: true }).status).toBe(1);
  } finally {
    a.namespace.run(["nft", "delete", "table", "inet", "initiations"], { mayFail: true });
  }
}
