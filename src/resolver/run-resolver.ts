import type { NameOrder, NameReport } from "../model/dns/name-protocol.ts";
import { AwgError } from "../model/error.ts";
import type { NamedAddress } from "./answers.ts";
import { listenOn } from "./listeners.ts";
import { Resolver } from "./resolver.ts";
import { serverClient } from "./upstream/ask-server.ts";

/** A full set costs a program its name, not its patience. */
const FILL_TIMEOUT_MS = 2000;

/**
 * Runs the resolver under the keeper until that ends. It listens as root, then gives up every right: what it reads comes
 * from the network. Only the keeper adds to sets, and only to those of the configuration.
 */
export async function runResolver(): Promise<void> {
  if (process.send === undefined)
    throw new AwgError("usage", "the resolver is started by the keeper", { remedy: "run awg apply" });
  const send = (report: NameReport): void => void process.send?.(report);
  const waiting = new Map<number, (filled: boolean) => void>();
  let next = 1;
  const fill = (set: string, addresses: readonly NamedAddress[]): Promise<boolean> => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const id = next++;
    waiting.set(id, resolve);
    const timer = setTimeout(() => resolve(false), FILL_TIMEOUT_MS);
    send({ kind: "fill", id, set, addresses });
    return promise.finally(() => {
      clearTimeout(timer);
      waiting.delete(id);
    });
  };
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  process.on("disconnect", () => end());
  process.on("message", (order: NameOrder) => {
    if (order.kind === "filled") waiting.get(order.id)?.(order.ok);
    else
      void begin(order, fill).then(
        () => send({ kind: "ready" }),
        (error: unknown) => {
          send({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
          end();
        },
      );
  });
  await ended;
}

async function begin({ service, user }: NameOrder & { kind: "serve" }, fill: FillSet): Promise<void> {
  const listeners = await listenOn(service.listen);
  const others = await Promise.all(
    (service.listeners ?? []).map(async ({ listen, rules }) => ({ rules, listeners: await listenOn(listen) })),
  );
  const ask = serverClient(service);
  if (user.uid !== 0) giveUpRights(user);
  const resolver = new Resolver(service, { ask, fill, nowMs: () => performance.now() });
  listeners.serve(resolver);
  for (const one of others) one.listeners.serve(resolver, one.rules);
}

type FillSet = (set: string, addresses: readonly NamedAddress[]) => Promise<boolean>;

/** Leaving uid 0 clears every capability (capabilities(7)). */
function giveUpRights({ uid, gid }: { readonly uid: number; readonly gid: number }): void {
  process.setgroups?.([]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}
