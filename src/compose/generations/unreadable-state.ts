import { readdirSync } from "node:fs";
import { dirname } from "node:path";
import { sameData } from "../../model/canonical.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { between, blockedPolicy } from "../../model/firewall/transition.ts";
import type { Resource } from "../../model/resource.ts";
import { loadFirst, policyStands } from "../../reconciler/apply/block.ts";
import { readOpenTransaction } from "../../reconciler/apply/recover.ts";
import { applyDepsOf, type SessionParts } from "../session-parts.ts";

/** How traffic stands on a machine whose state cannot be read. */
export interface Traffic {
  /**
   * `blocked`: nothing passes but loopback, DHCP and NDP; `guarded`: a packet filter of awg's stands; `open`: none does and
   * none was accepted; `unprotected`: none does, though one may be due.
   */
  readonly traffic: "blocked" | "guarded" | "open" | "unprotected";
  readonly sentence: string;
}

/** What is known of a state folder that cannot be read whole. */
interface Unreadable {
  /** The error of the first file that cannot be read. */
  readonly cause: unknown;
  /** What is to stand: null is no policy at all, undefined that nothing readable tells. */
  readonly accepted: FirewallPolicy | null | undefined;
}

/**
 * For a verb that changes the machine, and the daemon: when `cause` came of a journal, ledger or generation that cannot be
 * read and no policy of ours stands, makes one stand, under the lock: the accepted one as far as it can be read, else the
 * *blocked* one (docs/security.md S1.6). Gives the error to report instead of `cause`, which names the file and says how
 * traffic stands; `cause` itself where all can be read.
 */
export async function protectUnreadable(parts: SessionParts, cause: unknown): Promise<unknown> {
  if (!mayComeOfState(cause) || !hasRights(parts) || (await findUnreadable(parts)) === undefined) return cause;
  const lock = await parts.lock("protect").catch((error: unknown) => {
    // Another awg is at work, which finds the same. Any other trouble with the lock is no reason to stay open.
    return error instanceof AwgError && error.kind === "locked" ? ("taken" as const) : undefined;
  });
  if (lock === "taken") return tellUnreadable(parts, cause);
  await using _held = lock;
  // Whoever held the lock may have mended it.
  const found = await findUnreadable(parts);
  if (found === undefined) return cause;
  const deps = applyDepsOf(parts);
  if (found.accepted !== null && !(await policyStands(deps))) {
    await loadFirst(deps, found.accepted === undefined ? [blockedPolicy()] : [found.accepted, blockedPolicy()]);
    await parts.close();
  }
  return withTraffic(found.cause, await readTraffic(parts, found));
}

/** The same for verbs that only read: the error names the file and says how traffic stands. */
export async function tellUnreadable(parts: SessionParts, cause: unknown): Promise<unknown> {
  const found = mayComeOfState(cause) ? await findUnreadable(parts) : undefined;
  return found === undefined ? cause : withTraffic(found.cause, await readTraffic(parts, found));
}

/** How traffic stands where the state cannot be read; undefined where it can. Reads only. */
export async function trafficOfUnreadable(parts: SessionParts): Promise<Traffic | undefined> {
  const found = await findUnreadable(parts);
  return found === undefined ? undefined : readTraffic(parts, found);
}

/** What was asked wrongly, or refused for what it asks, is reported as such. */
function mayComeOfState(cause: unknown): boolean {
  return !(cause instanceof AwgError) || ["journal", "permission", "host"].includes(cause.kind);
}

function hasRights({ requireRights }: SessionParts): boolean {
  try {
    requireRights?.();
    return true;
  } catch {
    return false;
  }
}

/** Reads everything that a change needs to read; undefined when it can be read, or says nothing of this machine. */
async function findUnreadable({ stores }: SessionParts): Promise<Unreadable | undefined> {
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
  const [first = null, ...more] = known;
  const isNew = known.length === 0 && !mayHoldState(dirname(stores.journal.location));
  const accepted = known.length > 0 ? more.reduce(between, first) : isNew ? null : undefined;
  return { cause: causes[0], accepted };
}

/** A journal that another namespace wrote in this boot does not speak of this machine. */
function isForeign(error: unknown): boolean {
  return error instanceof AwgError && error.facts["state"] === "foreign";
}

function policyIn(resources: readonly Pick<Resource, "kind" | "spec">[]): FirewallPolicy | null {
  const found = resources.find(({ kind }) => kind === "firewall");
  return found === undefined ? null : (found.spec as FirewallPolicy);
}

/** A folder in which awg never wrote belongs to a machine that it never protected. */
function mayHoldState(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => /^(journal|ledger|generation-[1-9][0-9]*)$/.test(name));
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ENOENT");
  }
}

async function readTraffic({ host }: SessionParts, { accepted }: Unreadable): Promise<Traffic> {
  const policy = await host.firewall.read().then(
    (read) => (read.damage.length === 0 ? read.policy : null),
    () => null,
  );
  if (policy === null) {
    return accepted === null
      ? { traffic: "open", sentence: "traffic is not blocked, for no packet filter was accepted here" }
      : { traffic: "unprotected", sentence: "no packet filter of awg's stands, so that traffic is not protected" };
  }
  if (sameData(policy, blockedPolicy()))
    return { traffic: "blocked", sentence: "traffic is blocked: only loopback, DHCP and NDP pass" };
  return policy.layers.some(({ killSwitch }) => killSwitch)
    ? { traffic: "guarded", sentence: "traffic is blocked but for what the packet filter that stands lets pass" }
    : { traffic: "guarded", sentence: "a packet filter of awg's stands" };
}

function withTraffic(cause: unknown, { traffic, sentence }: Traffic): AwgError {
  const { kind, facts, remedy } =
    cause instanceof AwgError
      ? cause
      : { kind: "journal" as const, facts: {}, remedy: "run awg doctor, which says what may be done" };
  const message = cause instanceof Error ? cause.message : messageOf(cause);
  return new AwgError(kind, `${message}; ${sentence}`, {
    cause,
    facts: { ...facts, traffic },
    ...(remedy === undefined ? {} : { remedy }),
  });
}
