import { AwgError } from "../../../model/error.ts";
import type { TunnelObserved, TunnelSpec } from "../../../model/resources/tunnel.ts";
import type { SecretStore } from "../../../model/secret-store.ts";
import { controlSockets } from "../../../native/linux/process/engine-sockets.ts";
import { isUnixSocketLive } from "../../../native/linux/process/unix-exchange.ffi.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { renderUapiSet } from "../../../uapi/set.ts";
import type { KeeperClient } from "../keeper-client.ts";
import { readServiceUser } from "../service-user.ts";
import { removeDeadSockets } from "./engine-sockets.ts";

/**
 * Has the keeper run an engine with exactly the spec's configuration. An engine that answers gets the difference. One
 * of ours that does not answer is ended and replaced.
 *
 * @throws AwgError("conflict") where another program started the silent engine
 */
export async function ensureEngine(
  keeper: KeeperClient,
  secrets: SecretStore,
  spec: TunnelSpec,
  existing: TunnelObserved | undefined,
): Promise<void> {
  const { engine } = spec;
  if (engine === "kernel") {
    throw new AwgError("unsupported", `the kernel engine that ${spec.device} requests is not supported yet`, {
      remedy: "set engine: auto",
    });
  }
  const bytesOf = secrets.bytesOf.bind(secrets);
  const configuration = renderUapiSet(spec, undefined, bytesOf);
  if (configuration === undefined) throw new AwgError("bug", `there is nothing to configure on ${spec.device}`);
  const silence = existing?.silence;
  if (silence?.isForeign === true)
    throw new AwgError("conflict", `${spec.device} is held: ${silence.text}`, {
      remedy: `kill -CONT ${silence.pid} if a signal stopped it; --replace tunnel/NAME ends it and starts another`,
    });
  const isSame = existing?.protocol === spec.protocol && existing.engine === engine;
  // A silent engine gets the whole configuration, or is replaced.
  const update =
    existing?.running === false ? configuration : isSame ? renderUapiSet(spec, existing, bytesOf) : undefined;
  await keeper.ensureRunning();
  if (silence !== undefined) await keeper.request({ request: "stopEngine", device: spec.device });
  const user = readServiceUser();
  const { device, protocol, listenPort } = spec;
  const wanted = { device, engine, protocol, user, configuration, ...(update === undefined ? {} : { update }) };
  try {
    await keeper.request({ request: "ensureEngine", ...wanted });
  } catch (error) {
    throw (await import("../processes/port-holder.ts")).namePortHolder(error, listenPort);
  }
}

/** Ends the engine of a device; none is success. */
export async function removeEngine(keeper: KeeperClient, device: string): Promise<void> {
  // A new keeper adopts the engine that a dead one left, and can then end it.
  const isServed = () => controlSockets(keeper.folder, device).some(({ path }) => isUnixSocketLive(path));
  if ((await keeper.status()) === undefined && isServed() && hasLink(device)) await keeper.ensureRunning();
  if ((await keeper.status()) !== undefined) await keeper.request({ request: "stopEngine", device });
  removeDeadSockets(keeper.folder, device);
}

function hasLink(device: string): boolean {
  using netlink = openRouteNetlink();
  return netlink.link(device) !== undefined;
}
