import type { NameService } from "../../../model/dns/name-service.ts";
import { AwgError } from "../../../model/error.ts";
import type { ResolverPort } from "../../ports/resolver.ts";
import { readResolverMethod } from "../facts/resolver-method.ts";
import { awaitFilePermission } from "../file-permission.ts";
import type { KeeperClient } from "../keeper-client.ts";
import { fileResolver, isFileResolverOurs } from "./file-resolver.ts";
import { readHostServers, resolverPlaces } from "./host-servers.ts";
import { refuseSharedFile, sharedFileObstacle } from "./private-file.ts";
import { recordedDevice, resolvedResolver } from "./resolved-resolver.ts";

export interface LinuxResolverDeps {
  readonly stateDir: string;
  readonly namespaced: boolean;
  /** Runs awg's own resolver. */
  readonly keeper?: KeeperClient;
  /** /etc/resolv.conf where left out. */
  readonly resolvConf?: string;
}

/** The system resolver by either method; switching from one to the other restores what the first had replaced. */
export function linuxResolver({ stateDir, namespaced, resolvConf, keeper }: LinuxResolverDeps): ResolverPort {
  const places = resolverPlaces(stateDir, resolvConf);
  const { record } = places;
  const ports = { file: fileResolver(places), resolved: resolvedResolver(record) };
  const methodNow = () => {
    if (isFileResolverOurs(places)) return "file";
    return recordedDevice(record) === undefined ? readResolverMethod(namespaced) : "resolved";
  };
  return {
    read: () =>
      awaitFilePermission("reading the resolver", async () => {
        const service = (await keeper?.status())?.names?.service;
        return { ...(await ports[methodNow()].read()), ...(service === undefined ? {} : { service }) };
      }),
    ensure: ({ method, service, ...rest }) =>
      awaitFilePermission("setting the resolver", async () => {
        if (method === "dynamic-store") throw new AwgError("unsupported", "Linux has no dynamic store of resolvers");
        if (namespaced && method === "file") refuseSharedFile(places.resolvConf);
        // It answers before programs query it, and until none does.
        if (service !== undefined) await startService(keeper, service);
        await ports[method === "file" ? "resolved" : "file"].restore();
        await ports[method].ensure({ method, ...rest });
        if (service === undefined) await endService(keeper);
      }),
    obstacle: ({ method }) => (namespaced && method === "file" ? sharedFileObstacle(places.resolvConf) : undefined),
    restore: () =>
      awaitFilePermission("restoring the resolver", async () => {
        await ports.resolved.restore();
        await ports.file.restore();
        await endService(keeper);
      }),
    replaced: async () => (await readHostServers(places)).servers,
    unrestored: () => ports.file.unrestored?.(),
  };
}

async function startService(keeper: KeeperClient | undefined, service: NameService): Promise<void> {
  if (keeper === undefined) throw new AwgError("bug", "awg's resolver needs a keeper");
  await keeper.ensureRunning();
  await keeper.request({ request: "ensureNames", service });
}

async function endService(keeper: KeeperClient | undefined): Promise<void> {
  if ((await keeper?.status())?.names !== undefined) await keeper?.request({ request: "stopNames" });
}
