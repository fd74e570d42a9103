import { PAPER_TIMING } from "../constants.ts";
import { CookieSecret } from "../cookie/cookie-secret.ts";
import { cookieKey, mac1Key } from "../cookie/macs.ts";
import { RateLimiter } from "../cookie/rate-limiter.ts";
import { UnauthenticatedSources } from "../cookie/unauthenticated-sources.ts";
import { keyCopy } from "../crypto/kdf.ts";
import type { DeviceConfig, DevicePorts } from "../device.ts";
import { tai64n } from "../noise/tai64n.ts";
import type { Core } from "./core.ts";
import type { PeerState } from "./peer-state.ts";
import { AllowedIps } from "./table/allowed-ips.ts";
import { DeadlineQueue } from "./table/deadline-queue.ts";

/** The shared parts of a new device, without peers yet. */
export function newCore(config: DeviceConfig, ports: DevicePorts): Core {
  const { crypto, sources, sessions, payloadBytes = () => Number.POSITIVE_INFINITY } = ports;
  const publicKey = crypto.publicKey(config.privateKey);
  const { notBeforeSeconds: notBefore } = config;
  return {
    crypto,
    sources,
    listener: sessions,
    payloadBytes,
    counters: {
      unrecognised: 0,
      handshakes: 0,
      badHandshake: 0,
      replayedHandshake: 0,
      limited: 0,
      cookiesSent: 0,
      unknownIndex: 0,
      badTransport: 0,
      replayed: 0,
      badSource: 0,
      unroutable: 0,
    },
    due: new DeadlineQueue<PeerState>(),
    peers: new Map(),
    sessions: new Map(),
    initiators: new Map(),
    routes: new AllowedIps<PeerState>(),
    cookieSecret: new CookieSecret(crypto, sources),
    rateLimiter: new RateLimiter(),
    unauthenticatedSources: new UnauthenticatedSources(),
    identity: { privateKey: keyCopy(config.privateKey), publicKey },
    ownMac1Key: mac1Key(crypto, publicKey),
    ownCookieKey: cookieKey(crypto, publicKey),
    wire: config.wire,
    timing: config.timing ?? PAPER_TIMING,
    answersWithCookies: config.cookies ?? true,
    mtuBytes: config.mtuBytes,
    latestTimestamp: notBefore === undefined ? undefined : tai64n({ seconds: notBefore, nanoseconds: 0 }),
  };
}
