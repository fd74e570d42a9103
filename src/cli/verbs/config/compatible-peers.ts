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

/** What known releases of the peer's program do badly; with `isVerbose` first the releases that are compatible. */
export function renderOtherEnds(otherEnds: readonly OtherEnds[], isVerbose: boolean): readonly string[] {
  return otherEnds.flatMap(({ tunnel, version, peerVersion, releases, limits }) => {
    const from = peerVersion === undefined ? "" : " or later";
    const compatible = `note: ${tunnel} speaks AmneziaWG ${version}. Its peer needs awg, or: ${releases.join(", ")}${from}.`;
    return [...(isVerbose ? [compatible] : []), ...limits.map((limit) => `note: ${tunnel}: ${limit}.`)];
  });
}
