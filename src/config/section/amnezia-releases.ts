import { HEADER_KEYS, isOlder } from "./amnezia-version.ts";
import type { AmneziaVersion, Obfuscation } from "./obfuscation.ts";

/** The first release of each program that supports a version; undefined if there is none. */
interface Releases {
  readonly amneziawgGo: string;
  readonly tools: string | undefined;
  readonly kernelModule: string | undefined;
}

/**
 * From the tags of amneziawg-go, amneziawg-tools and amneziawg-linux-kernel-module. 1.5 was in the tools for two days
 * only (v1.0.20250704). The kernel module never had 1.5; it got S3, S4 and I1 to I5 with 2.0.
 */
const FIRST_RELEASES: Readonly<Record<AmneziaVersion, Releases>> = {
  "1.0": { amneziawgGo: "v0.1.4", tools: "v1.0.20241018", kernelModule: "v1.0.20241112" },
  "1.5": { amneziawgGo: "v0.2.13", tools: "v1.0.20250901", kernelModule: "v1.0.20251004" },
  "2.0": { amneziawgGo: "v0.2.15", tools: "v1.0.20250901", kernelModule: "v1.0.20251004" },
  "3.0": { amneziawgGo: "v3.0.0", tools: "v3.0.20260730", kernelModule: "v3.0.20260730" },
  "3.1": { amneziawgGo: "v3.1.20260812", tools: "v3.1.20260812", kernelModule: undefined },
};

/** Programs that can be the peer of a tunnel with an obfuscation. */
export interface PeersThatFit {
  /** What this host needs. */
  readonly version: AmneziaVersion;
  /** What the peer needs: the parameters that must match; undefined means any WireGuard. */
  readonly peerVersion: AmneziaVersion | undefined;
  /** Programs of the peer, each with the oldest release that works. */
  readonly releases: readonly string[];
  /** Known defects of releases that work, one sentence each. */
  readonly limits: readonly string[];
}

/**
 * The programs that can be a tunnel's peer. Only S1 to S4, H1 to H4, the header protection key and random trailers must
 * match. Junk, packets before handshakes, content padding and times are local.
 */
export function peersThatFit(obfuscation: Obfuscation): PeersThatFit {
  const peerVersion = versionOfSharedParts(obfuscation);
  const { version } = obfuscation;
  const limits = limitsOf(obfuscation, peerVersion ?? "1.0");
  if (peerVersion === undefined) return { version, peerVersion, releases: ["any WireGuard"], limits };
  const { amneziawgGo, tools, kernelModule } = FIRST_RELEASES[peerVersion];
  const releases = [
    `amneziawg-go ${amneziawgGo}`,
    ...(tools === undefined ? [] : [`amneziawg-tools ${tools}`]),
    ...(kernelModule === undefined ? [] : [`kernel module ${kernelModule}`]),
  ];
  return { version, peerVersion, releases, limits };
}

function versionOfSharedParts(values: Obfuscation): AmneziaVersion | undefined {
  if (values.randomTrailers) return "3.1";
  if (values.headerProtectionKey !== undefined) return "3.0";
  if (HEADER_KEYS.some((key) => values[key][0] !== values[key][1])) return "2.0";
  if (values.s3 > 0 || values.s4 > 0) return "1.5";
  const isPlain = values.s1 === 0 && values.s2 === 0 && HEADER_KEYS.every((key, at) => values[key][0] === at + 1);
  return isPlain ? undefined : "1.0";
}

/** Defects of released programs that no local parameter avoids. */
function limitsOf(values: Obfuscation, peerVersion: AmneziaVersion): readonly string[] {
  const limits: string[] = [];
  if (values.s4 > 0 && isOlder(peerVersion, "3.0")) {
    limits.push(
      "the kernel module up to v1.0.20260725 treats padded keepalives as data and handshakes every 15 s",
      "amneziawg-go v0.2.13 to v0.2.17 sends keepalives without s4; only tolerant peers such as awg accept them",
    );
  }
  if (values.s4 > 0)
    limits.push("amneziawg-go 3.x sends its first packet after a change of s4 with the old value, so it is lost");
  if (values.headerProtectionKey !== undefined) {
    limits.push("the kernel module 3.0 does not mask cookie replies, so amneziawg-go cannot read them");
  }
  if (values.contentPaddingAddition !== undefined) {
    limits.push("programs before amneziawg-go v3.0.20260805 count padded keepalives as data");
  }
  return limits;
}
