import type { ResourceOf } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import { announced } from "../announced-wait.ts";
import type { HostParts } from "../parts.ts";
import { ageSeconds, hasAnswered } from "../status/tunnel-state.ts";
import { tunnelStatus } from "../status/tunnel-status.ts";
import { nameServersBehind, probeTarget } from "./probe-target.ts";

/** How long a first handshake may take. */
const WAIT_MS = 5000;
const LOOK_MS = 20;
/** The packet has had time to enter the tunnel; some policies forbid it, and the engine is asked itself. */
const ASK_ENGINE_AFTER_MS = 250;
const ECHO_EVERY_MS = 500;
/** Time for one more packet after a handshake. */
const ENTER_MS = 1200;
/** A packet without content: header and tag (WireGuard white paper, section 5.4.6). */
const EMPTY_BYTES = 32;
/** Of one peer within `ENTER_MS`: the shortest interval is a second. */
const MOST_KEEPALIVES = 2;

/** Whether a tunnel carries, as far as one packet can show. */
export interface FirstAnswer {
  /** Its key in the config. */
  readonly tunnel: string;
  /**
   * `up`: its peer answered. `silent`: no peer did. `stuck`: a peer answered, and no packet enters the device.
   * `unreachable`: this host has no route to any endpoint. `unresolved`: no endpoint is known, since its name does not
   * resolve.
   */
  readonly state: "up" | "silent" | "stuck" | "unreachable" | "unresolved";
  /** The peer's endpoint in use. */
  readonly endpoint?: string;
  /** How long the handshake took, where it was seen. */
  readonly handshakeMs?: number;
  /** Age of the last handshake in seconds, where it was before. */
  readonly ageSeconds?: number;
  /** Name servers behind the tunnel. */
  readonly dns?: readonly string[];
  /** The name that does not resolve. */
  readonly name?: string;
}

interface Question {
  readonly desired: DesiredState;
  /** Names without an address, by device and public key. */
  readonly unresolved?: Readonly<Record<string, string>>;
  /** Whether to send a packet into each tunnel and wait; else the engines' present state counts. */
  readonly waits: boolean;
  /** A person wants no more. */
  readonly isOver: () => boolean;
}

/**
 * Sends one small packet into each tunnel with an endpoint, waits up to 5 s for the first handshakes, and gives what
 * came back. A tunnel whose peers dial in, or on cold standby, is left out. Empty for a simulated host, which sends no packets.
 */
export async function firstAnswers(parts: HostParts, question: Question): Promise<readonly FirstAnswer[]> {
  if (parts.isSimulated) return [];
  const tunnels = question.desired.resources.filter((resource) => resource.kind === "tunnel");
  // A tunnel on cold standby sends nothing before it is needed.
  const { standby = {} } = question.desired;
  const called = tunnels.filter(
    ({ spec }) => standby[spec.device] !== "cold" && spec.peers.some(({ endpoint }) => endpoint !== undefined),
  );
  const names = called.map(nameOf).join(", ");
  const answers = Promise.all(called.map((tunnel) => firstAnswer(parts, tunnel, question)));
  return [
    ...(await announced(parts.onWait, `waiting for the first handshake of ${names} …`, answers)),
    ...tunnels.filter((tunnel) => !called.includes(tunnel)).flatMap((tunnel) => withoutEndpoint(tunnel, question)),
  ];
}

function nameOf({ key }: ResourceOf<"tunnel">): string {
  return key.slice("tunnel/".length);
}

function withoutEndpoint(tunnel: ResourceOf<"tunnel">, { unresolved = {} }: Question): readonly FirstAnswer[] {
  const found = Object.entries(unresolved).find(([peer]) => peer.startsWith(`${tunnel.spec.device} `));
  return found === undefined ? [] : [{ tunnel: nameOf(tunnel), state: "unresolved", name: found[1] }];
}

async function firstAnswer(
  parts: HostParts,
  tunnel: ResourceOf<"tunnel">,
  { desired, waits, isOver }: Question,
): Promise<FirstAnswer> {
  const { host, clock } = parts;
  const { device } = tunnel.spec;
  const dns = nameServersBehind(device, desired.resources);
  const common = { tunnel: nameOf(tunnel), ...(dns.length === 0 ? {} : { dns }) };
  const before = await host.engines.read(device);
  if (!waits) return { ...common, ...answerIn(before, clock.nowMs()) };
  const unreachable = await endpointWithoutRoute(host, tunnel);
  if (unreachable !== undefined) return { ...common, state: "unreachable", endpoint: unreachable };
  const echo = sendEchoes(parts, device, probeTarget(tunnel, desired));
  try {
    return { ...common, ...(await awaitAnswer(parts, { device, before, echo, isOver })) };
  } finally {
    echo.isOver = true;
  }
}

/** The first endpoint, where the host has a route to none: a handshake need not be awaited. */
async function endpointWithoutRoute(
  { engines }: HostParts["host"],
  { spec }: ResourceOf<"tunnel">,
): Promise<string | undefined> {
  const endpoints = spec.peers.flatMap(({ endpoint = [], endpoints = [] }) => [endpoint, ...endpoints].flat());
  for (const endpoint of endpoints) if ((await engines.hasRoute?.(endpoint)) !== false) return undefined;
  return endpoints[0];
}

interface Waiting extends Pick<Question, "isOver"> {
  readonly device: string;
  readonly before: TunnelObserved | undefined;
  readonly echo: Echo;
}

async function awaitAnswer(parts: HostParts, waiting: Waiting): Promise<Omit<FirstAnswer, "tunnel">> {
  const { host, clock } = parts;
  const { device, before, isOver } = waiting;
  const nowMs = () => (clock.bootMs ?? clock.nowMs)();
  const beganMs = nowMs();
  let isAsked = false;
  let now = before;
  const isAnswered = () => answerIn(now, clock.nowMs()).state === "up";
  while (!isAnswered() && nowMs() - beganMs < WAIT_MS && !isOver()) {
    await clock.sleep(LOOK_MS);
    now = await host.engines.read(device);
    if (isAsked || nowMs() - beganMs < ASK_ENGINE_AFTER_MS) continue;
    isAsked = true;
    await host.engines.requestHandshakes?.(device);
  }
  const answer = answerIn(now, clock.nowMs());
  if (answer.state !== "up") return answer;
  const tookMs = measuredMs(now) ?? (isFresh(before, now) ? Math.max(1, Math.round(nowMs() - beganMs)) : undefined);
  const state = (await entersTunnel(parts, waiting)) ? "up" : "stuck";
  return { ...answer, state, ...(tookMs === undefined ? {} : { handshakeMs: tookMs }) };
}

/** What the engine reports, without waiting. */
function answerIn(observed: TunnelObserved | undefined, nowMs: number): Omit<FirstAnswer, "tunnel"> {
  const peers = observed?.running === true ? tunnelStatus(observed).peers : [];
  const answered = peers.filter((peer) => hasAnswered(peer, nowMs));
  const last = answered.toSorted((a, b) => b.lastHandshakeSeconds - a.lastHandshakeSeconds)[0];
  const { endpoint } = last ?? peers.find((peer) => peer.endpoint !== undefined) ?? {};
  return {
    state: last === undefined ? "silent" : "up",
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(last === undefined ? {} : { ageSeconds: ageSeconds(last, nowMs) }),
  };
}

/** What awg's own engine measured. */
function measuredMs(observed: TunnelObserved | undefined): number | undefined {
  const times = (observed?.peers ?? []).flatMap(({ measured }) => measured?.roundTripMs ?? []);
  return times.length === 0 ? undefined : Math.max(1, Math.round(Math.min(...times)));
}

function isFresh(before: TunnelObserved | undefined, now: TunnelObserved | undefined): boolean {
  const last = (of: TunnelObserved | undefined) => Math.max(0, ...(of?.peers ?? []).map((p) => p.lastHandshakeSeconds));
  return last(now) !== last(before);
}

/** Echo requests into the tunnel, repeated until a reply or the end of the wait. */
interface Echo {
  readonly target: string | undefined;
  isAnswered: boolean;
  isOver: boolean;
}

function sendEchoes({ host, clock }: HostParts, device: string, target: string | undefined): Echo {
  const { probes } = host;
  const echo: Echo = { target: probes === undefined ? undefined : target, isAnswered: false, isOver: false };
  const common = { name: "first packet", type: "ping", required: false, everySeconds: 0, device } as const;
  const send = async (to: string): Promise<void> => {
    while (!echo.isAnswered && !echo.isOver) {
      const probe = probes?.run({ ...common, target: { host: to }, timeoutSeconds: ECHO_EVERY_MS / 1000 });
      const pause = clock.sleep(ECHO_EVERY_MS);
      echo.isAnswered = (await probe)?.passed === true;
      if (!echo.isAnswered) await pause;
    }
  };
  // A probe that cannot be sent is like one without an answer.
  if (echo.target !== undefined) send(echo.target).catch(() => undefined);
  return echo;
}

/**
 * Whether packets enter the tunnel: the far end replied, or the engine sent more after its handshake. If neither, and
 * policy and routes send the packet there, something holds it up. The far end need not reply.
 */
async function entersTunnel(parts: HostParts, { device, echo, isOver }: Waiting): Promise<boolean> {
  const { target } = echo;
  if (target === undefined) return true;
  const { host, clock } = parts;
  const before = await host.engines.read(device);
  for (let leftMs = ENTER_MS; leftMs > 0 && !isOver(); leftMs -= LOOK_MS) {
    if (echo.isAnswered || hasSentContent(before, await host.engines.read(device))) return true;
    await clock.sleep(LOOK_MS);
  }
  const { explainFlow } = await import("../explain/explain.ts");
  const { declared } = await explainFlow(parts, { destination: target, user: "0", resolves: false });
  return declared.verdict !== "accept" || declared.path !== device;
}

/** Whether some peer was sent more than the empty packets of that time. AmneziaWG makes each longer by `s4`. */
function hasSentContent(before: TunnelObserved | undefined, now: TunnelObserved | undefined): boolean {
  const mostEmpty = MOST_KEEPALIVES * (EMPTY_BYTES + Number(now?.obfuscation["s4"] ?? 0));
  return (now?.peers ?? []).some(({ publicKey, sentBytes, persistentKeepaliveSeconds }) => {
    const earlier = before?.peers.find((peer) => peer.publicKey === publicKey)?.sentBytes ?? 0;
    return sentBytes - earlier > (persistentKeepaliveSeconds > 0 ? mostEmpty : 0);
  });
}
