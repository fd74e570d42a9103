import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../../../model/error.ts";
import type { ResolverObserved, ResolverSpec } from "../../../model/resources/resolver.ts";
import { addressToBytes, bytesToAddress } from "../../../native/linux/address.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { ResolverPort } from "../../ports/resolver.ts";
import { replaceFile, syncFolder } from "./durable-file.ts";
import { openResolvedBus, type ResolvedBus } from "./resolved-bus.ts";

const AF = { inet: 2, inet6: 10 } as const;
/** Routing domain of all names: every query prefers this link (systemd.network(5), Domains=~.). */
const EVERYTHING = [".", true] as const;
const LINK_INTERFACE = "org.freedesktop.resolve1.Link";
const RECORD_OWNER = { mode: 0o600, uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

/**
 * The resolver that configures a link of systemd-resolved (org.freedesktop.resolve1(5)). The settings live as long as
 * the device and the service, and reverting the link restores everything. A record names the device that has them.
 *
 * @param record file in the state folder
 */
export function resolvedResolver(record: string, open: () => ResolvedBus = () => openResolvedBus()): ResolverPort {
  return {
    read: () => readResolver(record, open),
    ensure: (spec) => ensureResolver(record, open, spec),
    restore: () => restoreResolver(record, open),
  };
}

/** The device of the resolved link that awg configured and has not reverted; undefined without one. */
export function recordedDevice(record: string): string | undefined {
  try {
    const { device } = JSON.parse(readFileSync(record, "utf8")) as { device?: unknown };
    return typeof device === "string" ? device : undefined;
  } catch {
    return undefined;
  }
}

async function readResolver(record: string, open: () => ResolvedBus): Promise<ResolverObserved> {
  const device = recordedDevice(record);
  const index = device === undefined ? undefined : linkIndex(device);
  if (device === undefined || index === undefined) return nothingSet();
  using bus = open();
  const path = String(await bus.call({ member: "GetLink", signature: "i", body: [index] }));
  const servers = serversOf(await readProperty(bus, path, "DNS"));
  const domains = domainsOf(await readProperty(bus, path, "Domains"));
  return { method: "resolved", servers, search: domains, device, ownedByAwg: servers.length > 0 };
}

async function ensureResolver(record: string, open: () => ResolvedBus, spec: ResolverSpec): Promise<void> {
  const index = linkIndex(spec.device);
  if (index === undefined) {
    throw new AwgError("host", `the device ${spec.device} of the resolver does not exist`, {
      facts: { device: spec.device },
    });
  }
  const before = recordedDevice(record);
  if (before !== undefined && before !== spec.device) await revert(open, before);
  mkdirSync(dirname(record), { recursive: true, mode: 0o700 });
  replaceFile(record, Buffer.from(`${JSON.stringify({ version: 1, device: spec.device })}\n`), RECORD_OWNER);
  using bus = open();
  const servers = spec.servers.map((server) => {
    const bytes = addressToBytes(server);
    return [bytes.length === 4 ? AF.inet : AF.inet6, Buffer.from(bytes)];
  });
  const domains = [EVERYTHING, ...spec.search.map((domain) => [domain, false])];
  await bus.call({ member: "SetLinkDNS", signature: "ia(iay)", body: [index, servers] });
  await bus.call({ member: "SetLinkDomains", signature: "ia(sb)", body: [index, domains] });
  await bus.call({ member: "SetLinkDefaultRoute", signature: "ib", body: [index, true] });
}

async function restoreResolver(record: string, open: () => ResolvedBus): Promise<void> {
  const device = recordedDevice(record);
  if (device === undefined) return;
  await revert(open, device);
  rmSync(record, { force: true });
  syncFolder(dirname(record));
}

/** The settings of a removed device are gone already. */
async function revert(open: () => ResolvedBus, device: string): Promise<void> {
  const index = linkIndex(device);
  if (index === undefined) return;
  using bus = open();
  await bus.call({ member: "RevertLink", signature: "i", body: [index] });
}

function nothingSet(): ResolverObserved {
  return { method: "resolved", servers: [], search: [], device: "", ownedByAwg: false };
}

function linkIndex(device: string): number | undefined {
  using netlink = openRouteNetlink();
  return netlink.link(device)?.index;
}

/** The library decodes a variant as its signature and a list with the value. */
async function readProperty(bus: ResolvedBus, path: string, name: string): Promise<readonly unknown[]> {
  const variant = await bus.call({
    member: "Get",
    path,
    interface: "org.freedesktop.DBus.Properties",
    signature: "ss",
    body: [LINK_INTERFACE, name],
  });
  const [, [value] = []] = variant as readonly [unknown, readonly unknown[]];
  return Array.isArray(value) ? value : [];
}

function serversOf(value: readonly unknown[]): string[] {
  return value.map((entry) => {
    const [, bytes] = entry as readonly [number, Uint8Array];
    return bytesToAddress(Uint8Array.from(bytes));
  });
}

/** Search domains only; awg sets the routing-only domains (true) itself. */
function domainsOf(value: readonly unknown[]): string[] {
  return value
    .map((entry) => entry as readonly [string, boolean])
    .filter(([, isRouteOnly]) => !isRouteOnly)
    .map(([domain]) => domain);
}
