import { renderBootTable } from "../../host/linux/nft/render/boot-table.ts";
import type { FactsWanted, HostFacts } from "../../host/ports/facts.ts";
import type { ServiceManager } from "../../host/ports/services.ts";
import { ALL_CAPABILITIES } from "../../host/simulated/machine-state.ts";
import { canonicalJson } from "../../model/canonical.ts";
import { AwgError } from "../../model/error.ts";
import { CONFIG_FILES } from "../../model/resources/config-file.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { SecretId } from "../../model/secret.ts";
import { sha256Hex } from "../../model/sha256.ts";
import type { BesideTunnels } from "../../resources/expand/expansion.ts";
import { oneWayNotes } from "../../resources/expand/flat/one-way-notes.ts";
import { expand } from "../../resources/expand.ts";
import { wantedServices } from "../../resources/service/wanted-services.ts";
import { wantedExtension } from "../../resources/system-extension/wanted-extension.ts";
import { refuseUnsupported } from "../apply/failure.ts";
import type { LoadedConfig } from "../load/loaded-config.ts";
import type { HostParts } from "../parts.ts";
import { listsIn } from "../plan/expand-config.ts";
import { factsWantedBy } from "../plan/facts-wanted.ts";
import type { ToRender } from "./omissions.ts";

/** A current Linux with both engines, for a caller that cannot query this one. */
const ASSUMED: HostFacts = {
  os: "linux",
  fingerprint: "",
  capabilities: ALL_CAPABILITIES,
  uplinks: [],
  devices: [],
  serviceUid: 0,
  uids: {},
  addresses: {},
  resolver: "file",
};

/** A current Mac on Wi-Fi behind a router, for a rendering on another system. */
const ASSUMED_MAC: HostFacts = {
  ...ASSUMED,
  os: "darwin",
  capabilities: {
    ...ASSUMED.capabilities,
    nftables: false,
    pf: true,
    egressHook: false,
    ownedTables: false,
    classifier: { ok: false, reason: "macOS has no classes of sockets" },
  },
  uplinks: [{ family: 4, device: "en0", gateway: "192.168.1.1", metric: 0 }],
  resolver: "dynamic-store",
};

/** Notes for people on ASSUMED_MAC and LAUNCHD_MANAGER. */
const ASSUMPTION = {
  path: "host",
  message:
    "assumed: a Mac on en0 behind 192.168.1.1, no IPv6 route, the window's app and user 501; a plan on the Mac uses what it has",
};

/** How launchd would run awg there, and its window for the first user. */
const LAUNCHD_MANAGER: ServiceManager = {
  kind: "launchd",
  program: ["/usr/local/bin/awg-split-tunnel"],
  configFile: CONFIG_FILES.darwin,
  runDir: "/var/run/awg",
  agent: { uid: 501, home: "~" },
};

/** How systemd would run awg, wherever it is installed. */
const SYSTEMD_MANAGER: ServiceManager = {
  kind: "systemd",
  program: ["/usr/local/bin/awg"],
  configFile: CONFIG_FILES.linux,
  runDir: "/run/awg",
};

/**
 * What a configuration needs on a Mac, planned without one: endpoint names have no address, and no uid is known.
 *
 * @throws AwgError("unsupported") for what this version supports on no Mac.
 */
export function desiredForMac({ config, featurePlaces }: LoadedConfig): ToRender {
  if (config === undefined) throw new AwgError("bug", "a rendering was asked of a config with errors");
  const beside = joined([wantedServices(config, LAUNCHD_MANAGER, undefined), wantedExtension(config, undefined)]);
  const secrets = (ref: object) => sha256Hex(canonicalJson(ref)) as SecretId;
  const expansion = expand(config, ASSUMED_MAC, { pathNumbers: {}, secrets, beside });
  refuseUnsupported(expansion, featurePlaces);
  const { desired, notes } = expansion;
  return { desired, notes: [ASSUMPTION, ...notes, ...oneWayNotes(desired)] };
}

function joined(parts: readonly BesideTunnels[]): BesideTunnels {
  return {
    resources: parts.flatMap(({ resources }) => resources),
    notes: parts.flatMap(({ notes }) => notes),
    unsupported: parts.flatMap(({ unsupported }) => unsupported),
  };
}

/** Whether a state was expanded for a Mac: other hosts have kernel settings beside a tunnel, or another resolver. */
export function isForMac({ resources }: DesiredState): boolean {
  return !resources.some(
    (resource) =>
      resource.kind === "sysctl" || (resource.kind === "resolver" && resource.spec.method !== "dynamic-store"),
  );
}

/**
 * The desired state of a configuration for a user without access to secrets and to awg's state. Secrets are the hash of
 * their reference, and path numbers are those of a first apply. Facts that this user cannot read are assumed to hold.
 *
 * @throws AwgError("unsupported") for what this version supports on no host.
 */
export async function desiredForAnyone(
  parts: UnprivilegedParts,
  { config, featurePlaces }: LoadedConfig,
): Promise<ToRender> {
  if (config === undefined) throw new AwgError("bug", "a rendering was asked of a config with errors");
  const facts = await factsForAnyone(parts, factsWantedBy(config));
  const secrets = (ref: object) => sha256Hex(canonicalJson(ref)) as SecretId;
  const services = wantedServices(config, SYSTEMD_MANAGER, renderBootTable());
  const beside = joined([services, wantedExtension(config, "only macOS has them")]);
  const read = await listsIn(config, { stateDir: "", isSimulated: false });
  const lists = read === undefined ? {} : { lists: read.lists };
  const expansion = expand(config, facts, { pathNumbers: {}, secrets, beside, ...lists });
  refuseUnsupported(expansion, featurePlaces);
  return expansion;
}

/** How to read a host without root rights; absent on hosts where nothing can be read so. */
type UnprivilegedParts = Pick<HostParts, "readPublicFacts">;

/** What any user can read about this host; everything else is assumed to be available. */
export async function factsForAnyone({ readPublicFacts }: UnprivilegedParts, wanted: FactsWanted): Promise<HostFacts> {
  if (readPublicFacts === undefined) return ASSUMED;
  try {
    // Names are not resolved: that needs the rights of the service user.
    const facts = await readPublicFacts({ ...wanted, hosts: [] });
    return { ...facts, capabilities: { ...ASSUMED.capabilities, resolved: facts.capabilities.resolved } };
  } catch (error) {
    if (error instanceof AwgError) return ASSUMED;
    throw error;
  }
}
