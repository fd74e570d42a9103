import { AwgError } from "../../../model/error.ts";
import type { ResolverPort } from "../../ports/resolver.ts";
import { readResolverMethod } from "../facts/resolver-method.ts";
import { awaitFilePermission } from "../file-permission.ts";
import { fileResolver, isFileResolverOurs } from "./file-resolver.ts";
import { resolverPlaces } from "./host-servers.ts";
import { refuseSharedFile, sharedFileObstacle } from "./private-file.ts";
import { recordedDevice, resolvedResolver } from "./resolved-resolver.ts";

export interface LinuxResolverDeps {
  readonly stateDir: string;
  readonly namespaced: boolean;
  /** /etc/resolv.conf where left out. */
  readonly resolvConf?: string;
}

/** The system resolver by either method; switching from one to the other restores what the first had replaced. */
export function linuxResolver({ stateDir, namespaced, resolvConf }: LinuxResolverDeps): ResolverPort {
  const places = resolverPlaces(stateDir, resolvConf);
  const { record } = places;
  const ports = { file: fileResolver(places), resolved: resolvedResolver(record) };
  const methodNow = () => {
    if (isFileResolverOurs(places)) return "file";
    return recordedDevice(record) === undefined ? readResolverMethod(namespaced) : "resolved";
  };
  return {
    read: () => awaitFilePermission("reading the resolver", async () => ports[methodNow()].read()),
    ensure: ({ method, ...rest }) =>
      awaitFilePermission("setting the resolver", async () => {
        if (method === "dynamic-store") throw new AwgError("unsupported", "Linux has no dynamic store of resolvers");
        if (namespaced && method === "file") refuseSharedFile(places.resolvConf);
        await ports[method === "file" ? "resolved" : "file"].restore();
        await ports[method].ensure({ method, ...rest });
      }),
    obstacle: ({ method }) => (namespaced && method === "file" ? sharedFileObstacle(places.resolvConf) : undefined),
    restore: () =>
      awaitFilePermission("restoring the resolver", async () => {
        await ports.resolved.restore();
        await ports.file.restore();
      }),
    unrestored: () => ports.file.unrestored?.(),
  };
}
