import { type KeeperPaths, keeperPaths } from "../../model/keeper-protocol.ts";
import type { SecretStore } from "../../model/secret-store.ts";
import { readNamespaceInode } from "../../native/linux/process/namespace.ffi.ts";
import type { Host } from "../ports/host.ts";
import { linuxClassifier } from "./classifier/linux-classifier.ts";
import { type EngineReaderState, linuxEngines } from "./engines/engines.ts";
import { rememberNftCapabilities } from "./facts/capabilities.ts";
import { linuxFacts } from "./facts/facts.ts";
import { keeperClient, type OnSilentKeeper } from "./keeper-client.ts";
import { type ListLinks, linuxLinks, listLinks, listLinksOnce } from "./links.ts";
import { linuxFirewall } from "./nft/linux-firewall.ts";
import { keeperNftOwner } from "./nft/load/nft-owner.ts";
import { linuxPortal } from "./portal.ts";
import { linuxRelays } from "./relays.ts";
import { resolverPlaces } from "./resolver/host-servers.ts";
import { linuxResolver } from "./resolver/resolver.ts";
import { linuxRoutes } from "./routes.ts";
import { linuxServices } from "./services/linux-services.ts";
import { linuxSysctl } from "./sysctl.ts";

export interface LinuxHostDeps {
  /** Folder of this network namespace, mode 0700, removed at reboot. */
  readonly runDir: string;
  /** Folder of this network namespace, mode 0700, kept across reboots. */
  readonly stateDir: string;
  /** Whether awg acts in a network namespace other than the host's own, where D-Bus is not used. */
  readonly namespaced: boolean;
  /** Absolute path and arguments that run the keeper for `runDir`. */
  readonly keeperCommand: readonly string[];
  /** Absolute path and first arguments of this program, as a service runs it; without it there are no services. */
  readonly program?: readonly string[];
  readonly secrets: SecretStore;
  /** Set for a host that is only read. */
  readonly onSilentKeeper?: OnSilentKeeper;
}

/** A Linux host, within this process's network namespace. Opens nothing until a port is used. */
export function linuxHost(deps: LinuxHostDeps): Host {
  const { program } = deps;
  const nftCapabilities = rememberNftCapabilities();
  const paths = keeperPathsHere(deps.runDir);
  const keeper = keeperClient(paths, deps.keeperCommand, deps.onSilentKeeper);
  const asker: EngineReaderState = { keeper, secrets: deps.secrets, silent: new Map() };
  const filter = { runDir: deps.runDir, owner: keeperNftOwner(keeper), capabilities: nftCapabilities };
  const portsOver = (list: ListLinks) => ({
    links: linuxLinks(keeper, list),
    engines: linuxEngines(asker, list),
    routes: linuxRoutes(list),
    firewall: linuxFirewall(filter, list),
  });
  const host: Omit<Host, "snapshot"> = {
    name: "linux",
    facts: linuxFacts(deps.namespaced, resolverPlaces(deps.stateDir), nftCapabilities),
    ...portsOver(listLinks),
    classifier: linuxClassifier(),
    sysctl: linuxSysctl(),
    relays: linuxRelays(keeper, deps.secrets, paths.folder),
    probes: { run: async (probe) => (await import("./probes.ts")).linuxProbes().run(probe) },
    portal: linuxPortal(),
    resolver: linuxResolver({ stateDir: deps.stateDir, namespaced: deps.namespaced, keeper }),
    ...(program === undefined ? {} : { services: linuxServices({ ...deps, program }) }),
    [Symbol.asyncDispose]: async () => {},
  };
  return { ...host, snapshot: () => ({ ...host, ...portsOver(listLinksOnce()) }) };
}

function keeperPathsHere(runDir: string): KeeperPaths {
  return keeperPaths(runDir, readNamespaceInode());
}
