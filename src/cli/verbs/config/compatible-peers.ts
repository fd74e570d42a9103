import type { Config } from "../../../config/config.ts";
import { type PeersThatFit, peersThatFit } from "../../../config/section/amnezia-releases.ts";

/** Programs that are compatible with one obfuscated tunnel. */
export interface OtherEnds extends PeersThatFit {
  readonly tunnel: string;
}

/** For each AmneziaWG tunnel of a valid config, which programs can be its other end. */
export function otherEndsOf(config: Config | undefined): readonly OtherEnds[] {
  return Object.entries(config?.tunnels ?? {}).flatMap(([tunnel, settings]) =>
    settings.protocol === "amneziawg" && settings.obfuscation !== undefined
      ? [{ tunnel, ...peersThatFit(settings.obfuscation) }]
      : [],
  );
}

/** Two kinds of lines per tunnel: compatible peers, and what these releases do badly. */
export function renderOtherEnds(otherEnds: readonly OtherEnds[]): readonly string[] {
  return otherEnds.flatMap(({ tunnel, version, peerVersion, releases, limits }) => {
    const from = peerVersion === undefined ? "" : `, with AmneziaWG ${peerVersion} from these releases on,`;
    return [
      `note: ${tunnel} speaks AmneziaWG ${version}; its peer may run awg or${from} ${releases.join(", ")}.`,
      ...limits.map((limit) => `note: ${tunnel}: ${limit}.`),
    ];
  });
}
