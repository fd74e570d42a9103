import type { Config } from "../../config/config.ts";
import { AwgError } from "../../model/error.ts";
import type { ResourceOf } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { TunnelSpec } from "../../model/resources/tunnel.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";

/**
 * Refuses a peer that has its own tunnel's public key: an engine drops such a peer without a word, and nothing gets through.
 * What was accepted before is not asked again, so that a plan without changes computes no key and a repair is never refused.
 *
 * @throws AwgError("config") that names the tunnel, the peer and where its private key is named
 */
export async function refuseOwnKeys(
  { publicKeyOf }: Pick<HostParts, "publicKeyOf">,
  { config, secretPlaces = {} }: { readonly config: Config; readonly secretPlaces?: LoadedConfig["secretPlaces"] },
  desired: DesiredState,
  accepted: DesiredState | undefined,
): Promise<void> {
  if (publicKeyOf === undefined) return;
  const known = new Set(tunnelsOf(accepted).map(({ spec }) => keysOf(spec)));
  for (const { key, spec } of tunnelsOf(desired)) {
    if (known.has(keysOf(spec))) continue;
    const own = await publicKeyOf(spec.privateKey);
    if (!spec.peers.some(({ publicKey }) => publicKey === own)) continue;
    const name = key.slice("tunnel/".length);
    const tunnel = config.tunnels[name];
    const { privateKey, peers } =
      tunnel !== undefined && "peers" in tunnel ? tunnel : { privateKey: undefined, peers: [] };
    const index = peers.findIndex(({ publicKey }) => publicKey === own);
    const place = secretPlaces[JSON.stringify(privateKey)];
    const at = `tunnels.${name}.peers[${index}].publicKey`;
    throw new AwgError(
      "config",
      `${place === undefined ? "" : `${place}: `}${at} is the public key of the tunnel's own private key: a tunnel cannot be its own peer`,
      {
        facts: { path: at, ...(place === undefined ? {} : { place }) },
        remedy: "write the peer's public key there, or name this host's own private key (awg genkey makes one)",
      },
    );
  }
}

function tunnelsOf(state: DesiredState | undefined): readonly ResourceOf<"tunnel">[] {
  return (state?.resources ?? []).filter((resource): resource is ResourceOf<"tunnel"> => resource.kind === "tunnel");
}

function keysOf({ privateKey, peers }: TunnelSpec): string {
  return [privateKey, ...peers.map(({ publicKey }) => publicKey)].join(" ");
}
