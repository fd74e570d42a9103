import { closeSync, constants, openSync, readdirSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { AwgError, messageOf } from "../../model/error.ts";
import type { FirewallPolicy, PolicyLayer } from "../../model/firewall/policy.ts";
import type { Resource } from "../../model/resource.ts";
import { readOpenTransaction } from "../../reconciler/journal/open-transaction.ts";
import { isCode } from "../../state/state-folder.ts";
import type { HostParts } from "../parts.ts";

const LINE_START = /^[0-9a-f]{8} [0-9a-f]{8} \{/;
const LINE_START_BYTES = 19;

/** Whether traffic passes on a host with unreadable state. */
export interface Traffic {
  /**
   * `blocked`: nothing passes but loopback, DHCP and NDP; `guarded`: awg's packet filter is loaded; `open`: none does and
   * none was accepted; `unprotected`: none does, though one may be due.
   */
  readonly traffic: "blocked" | "guarded" | "open" | "unprotected";
  readonly sentence: string;
}

/** The readable part of a damaged state folder. */
interface Unreadable {
  /** The error of the first file that cannot be read. */
  readonly cause: unknown;
  /** The accepted policies, as far as the state is readable; [] if it names none. */
  readonly accepted: readonly FirewallPolicy[];
  /** Whether none is declared. */
  readonly isOpen: boolean;
}

/** Loads what all of these policies allow, or else the *blocked* policy. */
type LoadStrictest = (policies: readonly FirewallPolicy[]) => Promise<unknown>;

/**
 * The error to report after a verb failed with `cause`. If an unreadable journal, ledger or generation is the reason,
 * it names the file and says whether traffic passes; else it is `cause` itself.
 *
 * For the daemon and for a verb that changes the host, it first loads a policy under the lock if none is loaded. That
 * is the accepted policy as far as it is readable, else the *blocked* one (rule S1.6).
 */
export async function ifUnreadable(parts: HostParts, cause: unknown, load?: LoadStrictest): Promise<unknown> {
  const first = mayComeOfState(cause) && hasRights(parts) ? await findUnreadable(parts) : undefined;
  if (first === undefined) return cause;
  const describe = async (found: Unreadable) => withTraffic(found.cause, await readTraffic(parts, found));
  if (load === undefined) return describe(first);
  const lock = await parts.lock("protect").catch((error: unknown) => {
    // Another awg is at work, which finds the same. Any other trouble with the lock is no reason to stay open.
    return error instanceof AwgError && error.kind === "locked" ? ("taken" as const) : undefined;
  });
  if (lock === "taken") return describe(first);
  await using _held = lock;
  // The holder of the lock may have repaired it.
  const found = await findUnreadable(parts);
  if (found === undefined) return cause;
  if (!found.isOpen && (await standingPolicy(parts)) === null) {
    await load(found.accepted);
    await parts.close();
  }
  return describe(found);
}

/** Whether traffic passes while the state is unreadable; undefined if it is readable. Reads only. */
export async function trafficOfUnreadable(parts: HostParts): Promise<Traffic | undefined> {
  const found = await findUnreadable(parts);
  return found === undefined ? undefined : readTraffic(parts, found);
}

/** Whether unreadable state may be the reason; errors in the request itself are not. */
function mayComeOfState(cause: unknown): boolean {
  return !(cause instanceof AwgError) || ["journal", "permission", "host"].includes(cause.kind);
}

function hasRights({ requireRights }: HostParts): boolean {
  try {
    requireRights?.();
    return true;
  } catch {
    return false;
  }
}

/** Reads everything that a change needs to read; undefined if it is readable, or says nothing of this host. */
async function findUnreadable({ stores }: HostParts): Promise<Unreadable | undefined> {
  const causes: unknown[] = [];
  const known: (FirewallPolicy | null)[] = [];
  const attempt = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!isForeign(error)) causes.push(error);
      return undefined;
    }
  };
  const open = await attempt(() => readOpenTransaction(stores.journal));
  if (open?.accept !== undefined) known.push(policyIn(open.accept.generation.desired.resources));
  const ledger = await attempt(() => stores.ledger.read());
  if (ledger !== undefined && ledger.generation > 0) known.push(policyIn(ledger.entries));
  const latest = await attempt(() => stores.generations.latest());
  if (latest !== undefined) known.push(policyIn(latest.desired.resources));
  if (causes.length === 0) return undefined;
  const accepted = known.filter((policy) => policy !== null);
  const isOpen = known.length > 0 ? accepted.length === 0 : !mayHoldState(dirname(stores.journal.location));
  return { cause: causes[0], accepted, isOpen };
}

/** A journal that another namespace wrote in this boot does not apply to this host. */
function isForeign(error: unknown): boolean {
  return error instanceof AwgError && error.facts["state"] === "foreign";
}

function policyIn(resources: readonly Pick<Resource, "kind" | "spec">[]): FirewallPolicy | null {
  const found = resources.find(({ kind }) => kind === "firewall");
  return found === undefined ? null : (found.spec as FirewallPolicy);
}

/**
 * Whether awg was applied with this folder, as far as it shows: it has a generation, or a journal or ledger that begins
 * like one of awg. A mistyped folder may have other files with these two names.
 */
function mayHoldState(folder: string): boolean {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .some(
        ({ name }) => /^generation-[1-9][0-9]*$/.test(name) || (isRecordName(name) && beginsLikeOurs(folder, name)),
      );
  } catch (error) {
    return !(isCode(error, "ENOENT") || isCode(error, "ENOTDIR"));
  }
}

function isRecordName(name: string): boolean {
  return name === "journal" || name === "ledger";
}

/** Whether the file begins with a line of awg; such a line has its length and checksum in front. */
function beginsLikeOurs(folder: string, name: string): boolean {
  const fd = openSync(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const start = Buffer.alloc(LINE_START_BYTES);
    return LINE_START.test(start.toString("latin1", 0, readSync(fd, start)));
  } finally {
    closeSync(fd);
  }
}

/** A policy of ours that is whole; null also where that cannot be known. */
async function standingPolicy({ host }: HostParts): Promise<FirewallPolicy | null> {
  try {
    const { policy, damage } = await host.firewall.read();
    return damage.length === 0 ? policy : null;
  } catch {
    return null;
  }
}

async function readTraffic(parts: HostParts, { isOpen }: Unreadable): Promise<Traffic> {
  const policy = await standingPolicy(parts);
  if (policy === null) {
    return isOpen
      ? { traffic: "open", sentence: "traffic is not blocked: no packet filter was accepted here" }
      : { traffic: "unprotected", sentence: "awg's packet filter is not loaded, so traffic is not protected" };
  }
  if (policy.layers.some(passesNothing))
    return { traffic: "blocked", sentence: "traffic is blocked: only loopback, DHCP and NDP pass" };
  return policy.layers.some(({ killSwitch }) => killSwitch)
    ? { traffic: "guarded", sentence: "traffic is blocked except what the loaded packet filter allows" }
    : { traffic: "guarded", sentence: "awg's packet filter is loaded" };
}

/** Whether a layer grants nothing (rule S1.4). */
function passesNothing(layer: PolicyLayer): boolean {
  const { flows, tunnels, endpoints, listens, bootstrapDns, allow } = layer;
  const grants = [flows.rules, tunnels, endpoints, listens, bootstrapDns, allow];
  const isClosed = layer.killSwitch && flows.default.kind === "block" && !layer.allowLan && layer.dns === null;
  return isClosed && grants.every(({ length }) => length === 0);
}

function withTraffic(cause: unknown, { traffic, sentence }: Traffic): AwgError {
  const { kind, facts, remedy } =
    cause instanceof AwgError ? cause : { kind: "journal" as const, facts: {}, remedy: "run awg doctor" };
  const message = cause instanceof Error ? cause.message : messageOf(cause);
  return new AwgError(kind, `${message}; ${sentence}`, {
    cause,
    facts: { ...facts, traffic },
    ...(remedy === undefined ? {} : { remedy }),
  });
}
