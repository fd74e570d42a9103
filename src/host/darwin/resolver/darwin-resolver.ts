import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import type { ResolverObserved, ResolverSpec } from "../../../model/resources/resolver.ts";
import type { ResolverPort } from "../../ports/resolver.ts";
import type { RunCommand } from "../command.ts";
import { noteWritten } from "./resolver-events.ts";
import {
  DNS_KEY,
  GLOBAL_DNS_KEY,
  listOf,
  parseShown,
  renderRemovalScript,
  renderResolverScript,
  renderShowScript,
  type StoreValue,
  searchOf,
} from "./scutil.ts";
import { readSplit, type SplitPlaces, writeSplit } from "./split-files.ts";

const SCUTIL = "/usr/sbin/scutil";
/** Both have caches; those inside programs expire by themselves. */
const FLUSHES = [
  { path: "/usr/bin/dscacheutil", args: ["-flushcache"] },
  { path: "/usr/bin/killall", args: ["-HUP", "mDNSResponder"] },
] as const;

export interface DarwinResolverDeps {
  readonly run: RunCommand;
  /** Folder, mode 0700, kept across reboots. */
  readonly stateDir: string;
  /** Folder used instead of /. */
  readonly root?: string;
}

/**
 * The system resolver of a Mac: our own key in the dynamic store, and a file of resolver(5) for each domain with its
 * own servers. Nothing of the system is replaced, so nothing has to be restored (docs/adr/0008).
 */
export function darwinResolver({ run, stateDir, root = "/" }: DarwinResolverDeps): ResolverPort {
  const places: SplitPlaces = {
    folder: join(root, "etc/resolver"),
    madeFolder: join(stateDir, "resolver", "made-folder"),
  };
  const show = async (key: string) => scutil(run, renderShowScript(key));
  /** The servers of the primary service, which answer for names that awg's do not. */
  const systemServers = async () => listOf(await show(GLOBAL_DNS_KEY), "ServerAddresses");
  return {
    read: async () => observed(await show(DNS_KEY), await show(GLOBAL_DNS_KEY), readSplit(places.folder)),
    ensure: async (spec) => {
      if (spec.method !== "dynamic-store") {
        throw new AwgError("unsupported", `the resolver of macOS is set by its dynamic store, not by ${spec.method}`);
      }
      const { servers, split = {} } = spec;
      noteWritten({ servers: servers.length > 0 ? servers : await systemServers(), split });
      const hasChangedFiles = writeSplit(places, split);
      const hasChangedKey = await ensureKey(run, spec, await show(DNS_KEY));
      if (hasChangedFiles || hasChangedKey) await flushCaches(run);
    },
    restore: async () => {
      noteWritten({ servers: await systemServers(), split: {} });
      const hasChangedFiles = writeSplit(places, {});
      const isOurs = (await show(DNS_KEY)) !== undefined;
      if (isOurs) await removeKey(run);
      if (hasChangedFiles || isOurs) await flushCaches(run);
    },
  };
}

/** Without servers for all names there is no key: configd would use an empty one as a resolver without answers. */
async function ensureKey(run: RunCommand, spec: ResolverSpec, before: StoreValue | undefined): Promise<boolean> {
  if (spec.servers.length === 0) {
    if (before === undefined) return false;
    await removeKey(run);
    return true;
  }
  if (holds(before, spec)) return false;
  const after = await scutil(run, renderResolverScript(spec));
  if (holds(after, spec)) return true;
  throw new AwgError("verification", "scutil accepted the resolver's servers, but macOS's dynamic store has others");
}

async function removeKey(run: RunCommand): Promise<void> {
  if ((await scutil(run, renderRemovalScript())) === undefined) return;
  throw new AwgError("verification", "scutil removed awg's resolver key, but macOS's dynamic store still has it");
}

/** Whether the key is ours as written: the servers in order, for all names. */
function holds(value: StoreValue | undefined, { servers, search }: ResolverSpec): boolean {
  const isSame = (key: string, wanted: readonly string[]) => listOf(value, key).join(" ") === wanted.join(" ");
  return (
    value !== undefined &&
    isSame("ServerAddresses", servers) &&
    isSame("SupplementalMatchDomains", ["", ...search]) &&
    value.get("SearchDomains") === undefined
  );
}

function observed(
  own: StoreValue | undefined,
  global: StoreValue | undefined,
  split: NonNullable<ResolverSpec["split"]>,
): ResolverObserved {
  const hasSplit = Object.keys(split).length > 0;
  // Our key without the match for all names counts as missing.
  const isWhole = own === undefined || listOf(own, "SupplementalMatchDomains").includes("");
  const shown = own ?? (hasSplit ? undefined : global);
  return {
    method: "dynamic-store",
    servers: isWhole ? listOf(shown, "ServerAddresses") : [],
    search: own === undefined ? listOf(shown, "SearchDomains") : searchOf(own),
    device: "",
    ...(hasSplit ? { split } : {}),
    ownedByAwg: own !== undefined || hasSplit,
  };
}

async function scutil(run: RunCommand, script: string): Promise<StoreValue | undefined> {
  const { status, stdout, stderr } = await run({ path: SCUTIL, args: [], input: script });
  if (status !== 0) throw new AwgError("host", `scutil ended with ${status}: ${stderr.trim() || stdout.trim()}`);
  return parseShown(stdout);
}

/**
 * Best effort: a cache that cannot be flushed expires by itself; names then change late, but never use another path.
 */
async function flushCaches(run: RunCommand): Promise<void> {
  for (const command of FLUSHES) await run(command);
}
