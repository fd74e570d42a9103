import type { Capabilities } from "../../host/ports/facts.ts";
import type { Enforcement, FieldChange, ResourceKey } from "../../model/resource.ts";
import {
  isAtItsEndpoint,
  type PeerObserved,
  type PeerSpec,
  type TunnelObserved,
  type TunnelSpec,
} from "../../model/resources/tunnel.ts";
import { tunnelOfDevice } from "../../model/resources/tunnel-key.ts";
import type { Hold } from "../driver.ts";
import { pointerToken, secretChange, setChange, valueChange } from "../field-change.ts";
import { withInterruptions } from "./interruption.ts";
import { isSecretParameter, normalParameters } from "./obfuscation.ts";

/**
 * What differs between the wanted tunnel and what its engine reports. What the spec leaves open is not compared: a
 * listening port of 0, and the endpoint of a peer that dials in.
 */
export function diffTunnel(desired: TunnelSpec, observed: TunnelObserved): FieldChange[] {
  const changes = [
    ...valueChange("/device", observed.device, desired.device),
    ...valueChange("/running", observed.silence?.text ?? observed.running, true),
    ...valueChange("/protocol", observed.protocol, desired.protocol),
    ...valueChange("/engine", observed.engine, desired.engine),
    ...secretChange("/privateKey", observed.privateKey, desired.privateKey),
    ...(desired.listenPort === 0 ? [] : valueChange("/listenPort", observed.listenPort, desired.listenPort)),
    ...valueChange("/fwmark", observed.fwmark, desired.fwmark),
    ...diffObfuscation(desired.obfuscation, observed.obfuscation),
    ...diffPeers(desired.peers, observed.peers),
  ];
  return withInterruptions(changes, desired.engine);
}

/** The engine's configuration as a spec; undefined without an engine, or with one that was never configured. */
export function tunnelAsSpec(observed: TunnelObserved): TunnelSpec | undefined {
  const { running, silence, privateKey, peers, device, protocol, engine, listenPort, fwmark, obfuscation } = observed;
  if ((!running && silence === undefined) || privateKey === undefined) return undefined;
  return {
    device,
    protocol,
    engine,
    privateKey,
    listenPort,
    fwmark,
    peers: peers.map(peerAsSpec).toSorted((a, b) => (a.publicKey < b.publicKey ? -1 : 1)),
    obfuscation,
  };
}

/** A tunnel with a silent engine, as it was accepted; any other as it is. */
export function recallTunnel(observed: TunnelObserved, accepted: TunnelSpec): TunnelObserved {
  const { silence, device, engine, protocol } = observed;
  if (silence === undefined || accepted.device !== device) return observed;
  const peers = accepted.peers.map((peer) => ({ ...peer, lastHandshakeSeconds: 0, receivedBytes: 0, sentBytes: 0 }));
  return { ...accepted, peers, device, engine, protocol, running: false, silence };
}

/** An engine that does not answer and that another program started: it is not stopped without a request. */
export function holdOfTunnel(desired: TunnelSpec, observed: TunnelObserved): Hold | undefined {
  const { silence, privateKey } = observed;
  if (silence?.isForeign !== true) return undefined;
  const resume = silence.canGoOn ? `kill -CONT ${silence.pid} resumes it, ` : "";
  // For an engine that never answered awg, a rollback has nothing to restore: a person stops it, not a plan.
  const isUnknown = privateKey === undefined;
  const end = isUnknown
    ? `kill -KILL ${silence.pid} ends it and its device; the next apply creates both again`
    : "--replace ends it and starts another";
  const holder = `an engine that awg does not end without a request: ${silence.text} (${resume}${end})`;
  const others = diffTunnel(desired, observed).filter(({ field }) => field !== "/running");
  return { holder, canStay: !isUnknown && others.length === 0 };
}

/** Whether the only difference is that the engine does not answer. */
export function isSilenceAlone(changes: readonly FieldChange[]): boolean {
  return changes.every(isSilence);
}

/** Why a tunnel with an engine that does not answer changes. */
export function reasonOfTunnel(changes: readonly FieldChange[]): string | undefined {
  return changes.some(isSilence) ? "its engine does not answer and will be replaced" : undefined;
}

function isSilence({ field, before }: FieldChange): boolean {
  return field === "/running" && typeof before === "string";
}

/** The engine belongs to the owner of its device; the link resource is the one that conflicts. */
export function isTunnelOwned(_observed: TunnelObserved): boolean {
  return true;
}

/** Another engine or protocol is another process: the old one must be stopped first. */
export function doesTunnelNeedReplace(changes: readonly FieldChange[]): boolean {
  return changes.some(({ field }) => field === "/device" || field === "/engine" || field === "/protocol");
}

/** Whether only the peers' endpoints differ: WireGuard follows a peer to the address it sends from. */
export function havePeersRoamed(changes: readonly FieldChange[]): boolean {
  return changes.every(({ field }) => /^\/peers\/\d+\/endpoint$/.test(field));
}

/** The device is created before its engine. */
export function tunnelDependencies({ device }: TunnelSpec): ResourceKey[] {
  return [`link/${tunnelOfDevice(device)}`];
}

/** Whether this host has the engine. */
export function tunnelEnforcement({ engine, protocol }: TunnelSpec, capabilities: Capabilities): Enforcement {
  if (engine === "embedded") return capabilities.tun ? "enforced" : "unsupported";
  if (engine === "kernel") return protocol === "wireguard" && capabilities.kernelWireguard ? "enforced" : "unsupported";
  const able = protocol === "wireguard" ? capabilities.userspaceWireguard : capabilities.userspaceAmneziawg;
  return able ? "enforced" : "unsupported";
}

function diffObfuscation(
  desired: Readonly<Record<string, string>>,
  observed: Readonly<Record<string, string>>,
): FieldChange[] {
  const wanted = normalParameters(desired);
  const found = normalParameters(observed);
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])].toSorted();
  return names.flatMap((name) => {
    const compare = isSecretParameter(name) ? secretChange : valueChange;
    return compare(`/obfuscation/${pointerToken(name)}`, found[name], wanted[name]);
  });
}

function diffPeers(desired: readonly PeerSpec[], observed: readonly PeerObserved[]): FieldChange[] {
  const found = new Map(observed.map((peer) => [peer.publicKey, peer]));
  const keys = (peers: readonly PeerSpec[]): string[] => peers.map(({ publicKey }) => publicKey);
  return [
    ...setChange("/peers", keys(observed), keys(desired)),
    ...desired.flatMap((peer, index) => {
      const current = found.get(peer.publicKey);
      return current === undefined ? [] : diffPeer(`/peers/${index}`, peer, current);
    }),
  ];
}

function diffPeer(at: string, desired: PeerSpec, observed: PeerObserved): FieldChange[] {
  const { endpoint, endpoints, presharedKey, allowedIPs, persistentKeepaliveSeconds, leastKeepaliveSeconds } = desired;
  return [
    ...secretChange(`${at}/presharedKey`, observed.presharedKey, presharedKey),
    ...(isAtItsEndpoint(desired, observed.endpoint) ? [] : valueChange(`${at}/endpoint`, observed.endpoint, endpoint)),
    ...setChange(`${at}/endpoints`, observed.endpoints ?? [], endpoints ?? []),
    ...setChange(`${at}/allowedIPs`, observed.allowedIPs, allowedIPs),
    ...valueChange(`${at}/persistentKeepaliveSeconds`, observed.persistentKeepaliveSeconds, persistentKeepaliveSeconds),
    ...valueChange(`${at}/leastKeepaliveSeconds`, observed.leastKeepaliveSeconds, leastKeepaliveSeconds),
  ];
}

function peerAsSpec(peer: PeerObserved): PeerSpec {
  const { publicKey, presharedKey, endpoint, endpoints, allowedIPs } = peer;
  const { persistentKeepaliveSeconds, leastKeepaliveSeconds } = peer;
  return {
    publicKey,
    ...(presharedKey === undefined ? {} : { presharedKey }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(endpoints === undefined ? {} : { endpoints }),
    allowedIPs,
    persistentKeepaliveSeconds,
    ...(leastKeepaliveSeconds === undefined ? {} : { leastKeepaliveSeconds }),
  };
}
