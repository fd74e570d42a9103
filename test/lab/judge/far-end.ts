import { dissect } from "./dissect.ts";
import { describePacket, type Expectation, type Judgement, type Leak, type Probe, probeIndexOf } from "./judge.ts";
import type { WireFrame } from "./pcap.ts";

/** Whether a probe is of somebody to whom nothing may be answered: the neighbour or the internet. */
export function isUninvited({ name }: Probe): boolean {
  return /^[ao]_/.test(name);
}

/**
 * Adds to a judgement of the wire what came out of the tunnels at their servers' ends: whatever answers a probe that
 * somebody else than the client had sent is a leak. It left sealed, so that the wire does not show it, but who sent the
 * probe can count it there (CVE-2019-14899). Where packets had to be carried and none came out, the run is invalid.
 */
export function judgeFarEnd(
  judgement: Judgement,
  frames: readonly WireFrame[],
  probes: readonly Probe[],
  { leastTunnelPackets, only }: Expectation,
): Judgement {
  const answers = answersThroughTunnel(frames, probes).filter(({ probe }) => only?.has(probe) ?? true);
  const leaks = [...judgement.leaks, ...answers];
  const isBlind = frames.length === 0 && leastTunnelPackets > 0;
  const invalid = [...judgement.invalid, ...(isBlind ? ["nothing was seen to come out of the tunnel"] : [])];
  const outcome = leaks.length > 0 ? "leak" : invalid.length > 0 ? "invalid" : "pass";
  return { ...judgement, outcome, leaks, invalid };
}

function answersThroughTunnel(frames: readonly WireFrame[], probes: readonly Probe[]): Leak[] {
  const names = new Map(probes.filter(isUninvited).map(({ index, name }) => [index, name]));
  const leaks = new Map<string, Leak>();
  for (const { atMs, frame } of frames) {
    const packet = dissect(frame);
    const probe = names.get(probeIndexOf(packet, frame) ?? -1);
    if (probe === undefined) continue;
    const {
      count = 0,
      firstAtMs = atMs,
      example = `through the tunnel, ${describePacket(packet)}`,
    } = leaks.get(probe) ?? {};
    leaks.set(probe, { probe, count: count + 1, firstAtMs, example });
  }
  return [...leaks.values()];
}
