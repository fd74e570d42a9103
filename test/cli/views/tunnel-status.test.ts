import { describe, expect, test } from "vitest";
import type { Status } from "../../../src/app/status/status-report.ts";
import { tunnelStatus } from "../../../src/app/status/tunnel-status.ts";
import { renderStatus, statusDocument } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { PeerObserved, TunnelObserved } from "../../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { observedFromUapi } from "../../../src/uapi/observed.ts";
import { parseUapiDevice } from "../../../src/uapi/reply.ts";
import { SECOND_PEER_KEY } from "../../support/config.ts";

const NOW_MS = 1_800_000_060_000;
/** Longer ago than any session lives. */
const OLD = 1_799_999_800;

const PEER: PeerObserved = {
  publicKey: SECOND_PEER_KEY,
  endpoint: "192.0.2.1:51820",
  allowedIPs: [],
  persistentKeepaliveSeconds: 0,
  lastHandshakeSeconds: 1_800_000_000,
  receivedBytes: 1_234_567,
  sentBytes: 999,
};

const tunnel = (peers: readonly PeerObserved[], more: Partial<TunnelObserved> = {}): TunnelObserved => ({
  device: "awg-office",
  protocol: "wireguard",
  engine: "embedded",
  running: true,
  privateKey: "id" as SecretId,
  listenPort: 1,
  fwmark: 1,
  obfuscation: {},
  peers,
  ...more,
});

const statusWith = (observed: TunnelObserved): Status => ({
  generation: 1,
  conditions: [],
  resources: [
    {
      ...{ key: "tunnel/office", enforcement: "enforced", ready: true, drift: [], summary: "is up" },
      tunnel: tunnelStatus(observed),
    },
  ],
  openJournal: undefined,
});
const linesOf = (observed: TunnelObserved) => renderStatus(statusWith(observed), styleFor(false), NOW_MS).split("\n");

describe("what status says of a tunnel", () => {
  const measured = { handshakeAttempts: 0, roundTripMs: 23, expectedMessages: 1000, acceptedMessages: 985 };

  test("for people: a line for each peer", () => {
    const peers = [
      { ...PEER, measured },
      { ...PEER, measured: { ...measured, roundTripMs: 0, expectedMessages: 0, acceptedMessages: 0 } },
    ];
    expect(linesOf(tunnel(peers, { wire: "amneziawg 2.0" })).slice(-3)).toEqual([
      "  ✓ tunnel/office  enforced     connected, amneziawg 2.0, 2 peers",
      "      mWB0J2ov… 192.0.2.1:51820: handshake 60 s ago, 1.2 MB received, 999 B sent, round trip 23 ms, loss 1.5 % of 1000",
      "      mWB0J2ov… 192.0.2.1:51820: handshake 60 s ago, 1.2 MB received, 999 B sent, round trip under 1 ms",
    ]);
  });

  test("of an engine that measures nothing, and of a peer that never called", () => {
    const { endpoint: _, ...silent } = PEER;
    const peers = [PEER, { ...silent, lastHandshakeSeconds: 0, receivedBytes: 0, sentBytes: 0 }];
    const observed = tunnel(peers, { engine: "userspace", protocol: "amneziawg", obfuscation: { jc: "4", s4: "12" } });
    expect(linesOf(observed).slice(-3)).toEqual([
      "  ✓ tunnel/office  enforced     connected, amneziawg 1.5, 2 peers",
      "      mWB0J2ov… 192.0.2.1:51820: handshake 60 s ago, 1.2 MB received, 999 B sent",
      "      mWB0J2ov… no endpoint yet: no handshake yet, 0 B received, 0 B sent",
    ]);
  });

  test.each<[string, string, Partial<PeerObserved>]>([
    ["connected", "answered lately", { measured }],
    ["connected", "its next handshake is on its way", { measured: { ...measured, handshakeAttempts: 1 } }],
    ["blocked", "two initiations were not answered", { measured: { ...measured, handshakeAttempts: 2 } }],
    ["blocked", "nobody ever answered", { lastHandshakeSeconds: 0 }],
    ["blocked", "keepalives, and no session any more", { lastHandshakeSeconds: OLD, persistentKeepaliveSeconds: 25 }],
    ["idle", "nobody sends", { lastHandshakeSeconds: OLD }],
    [
      "idle",
      "nobody sends, and the engine counts",
      { lastHandshakeSeconds: OLD, measured, persistentKeepaliveSeconds: 25 },
    ],
  ])("A15: %s: %s", (state, _why, peer) => {
    const observed = tunnel([{ ...PEER, ...peer }]);
    expect(linesOf(observed).join("\n")).toContain(`${state}, `);
    const document = statusDocument(statusWith(observed), NOW_MS);
    expect(document.resources[0]?.tunnel?.state).toBe(state);
  });

  test("one peer that answers is enough, and with a fallback in force it is down, not blocked", () => {
    const silent = { ...PEER, lastHandshakeSeconds: 0 };
    expect(linesOf(tunnel([silent, PEER])).join("\n")).toMatch(/ connected, \w+.*, 2 peers$/m);
    const fallback = { device: "awg-office", tunnel: "office", to: "direct", rules: ["default"] };
    const fallen = { ...statusWith(tunnel([silent])), fallback: [fallback] };
    expect(renderStatus(fallen, styleFor(false), NOW_MS)).toMatch(/ down, /);
    const ofAnother = { ...fallen, fallback: [{ ...fallback, device: "awg-home", tunnel: "home" }] };
    expect(renderStatus(ofAnother, styleFor(false), NOW_MS)).toMatch(/ blocked, /);
  });

  test("for programs: the same, and null for what is not known", () => {
    const { endpoint: _, ...silent } = PEER;
    const observed = tunnel([
      { ...PEER, measured },
      { ...silent, lastHandshakeSeconds: 0 },
    ]);
    const document = statusDocument(statusWith(observed), NOW_MS);
    expect(document.resources[0]?.tunnel).toEqual({
      state: "connected",
      wire: "wireguard",
      peers: [
        {
          publicKey: SECOND_PEER_KEY,
          endpoint: "192.0.2.1:51820",
          lastHandshake: "2027-01-15T08:00:00.000Z",
          handshakeAgeSeconds: 60,
          receivedBytes: 1_234_567,
          sentBytes: 999,
          roundTripMs: 23,
          messagesExpected: 1000,
          messagesLost: 15,
        },
        {
          publicKey: SECOND_PEER_KEY,
          endpoint: null,
          lastHandshake: null,
          handshakeAgeSeconds: null,
          receivedBytes: 1_234_567,
          sentBytes: 999,
          roundTripMs: null,
          messagesExpected: null,
          messagesLost: null,
        },
      ],
    });
  });

  test("a clock that was set back makes no handshake of the future", () => {
    const line = renderStatus(statusWith(tunnel([PEER])), styleFor(false), 0)
      .split("\n")
      .at(-1);
    expect(line).toContain("handshake 0 s ago");
  });

  test("law 8: is read from what an engine reports, and nothing secret is in it", () => {
    const [privateKey, shared] = ["11".repeat(32), "22".repeat(32)];
    const reply = `private_key=${privateKey}\nlisten_port=1\nawg_engine=embedded\nawg_wire=amneziawg 3.1\nheader_protection_key=${"33".repeat(32)}
public_key=${"aa".repeat(32)}\npreshared_key=${shared}\nendpoint=192.0.2.1:1\nlast_handshake_time_sec=7\ntx_bytes=5\nrx_bytes=6
awg_handshake_attempts=2\nawg_round_trip_ms=9\nawg_messages_expected=10\nawg_messages_accepted=8\nawg_future=1\nerrno=0\n\n`;
    const identity = { device: "awg-office", protocol: "amneziawg", engine: "embedded" } as const;
    const observed = observedFromUapi(parseUapiDevice(reply), identity, () => "secret-id" as SecretId);
    expect(observed.peers[0]?.measured).toEqual({
      handshakeAttempts: 2,
      roundTripMs: 9,
      expectedMessages: 10,
      acceptedMessages: 8,
    });
    const text = JSON.stringify(statusDocument(statusWith(observed), NOW_MS));
    expect(text).toContain('"messagesLost":2');
    expect(text).toContain("amneziawg 3.1");
    expect(text).not.toMatch(/11111111|22222222|33333333|secret-id/);
  });
});
