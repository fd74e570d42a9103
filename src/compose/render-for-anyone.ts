import { linuxFacts } from "../host/linux/facts/facts.ts";
import type { FactsWanted, MachineFacts } from "../host/ports/facts.ts";
import { canonicalJson } from "../model/canonical.ts";
import { AwgError } from "../model/error.ts";
import type { DesiredState } from "../model/resource.ts";
import type { SecretId } from "../model/secret.ts";
import { sha256Hex } from "../model/sha256.ts";
import { expand } from "../resources/expand.ts";
import { refuseUnsupported } from "./generations/failure.ts";
import { pathsFor } from "./paths.ts";
import { factsWantedBy } from "./planning/facts-wanted.ts";
import type { LoadedConfig } from "./session.ts";

/** A Linux of today with both engines, for who cannot ask this one. */
const ASSUMED: MachineFacts = {
  os: "linux",
  fingerprint: "",
  capabilities: {
    tun: true,
    nftables: true,
    egressHook: true,
    ownedTables: true,
    kernelWireguard: false,
    userspaceWireguard: true,
    userspaceAmneziawg: true,
    resolved: false,
  },
  uplinks: [],
  devices: [],
  serviceUid: 0,
  uids: {},
  addresses: {},
  resolver: "file",
};

/**
 * What a configuration asks for, for a user who may read neither secrets nor awg's state: secrets stand as the hash of
 * their reference, path numbers are those of a first apply, and what this user cannot find out is taken to be there.
 *
 * @throws AwgError("unsupported") for what no machine gets from this version.
 */
export async function desiredForAnyone({ config }: LoadedConfig): Promise<DesiredState> {
  if (config === undefined) throw new AwgError("bug", "a rendering was asked of a config with errors");
  const facts = await factsForAnyone(factsWantedBy(config));
  const secrets = (ref: object) => sha256Hex(canonicalJson(ref)) as SecretId;
  const expansion = expand(config, facts, { pathNumbers: {}, secrets });
  refuseUnsupported(expansion);
  return expansion.desired;
}

/** What anybody may find out about this machine; what they may not is taken to be there. */
export async function factsForAnyone(wanted: FactsWanted): Promise<MachineFacts> {
  if (process.platform !== "linux") return ASSUMED;
  try {
    // Names are not asked for: it takes the service user's rights.
    const facts = await linuxFacts(pathsFor(undefined, undefined).namespaced).read({ ...wanted, hosts: [] });
    return { ...facts, capabilities: { ...ASSUMED.capabilities, resolved: facts.capabilities.resolved } };
  } catch (error) {
    if (error instanceof AwgError) return ASSUMED;
    throw error;
  }
}
