import { spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { linuxFirewall } from "../../../../src/host/linux/nft/linux-firewall.ts";
import { localNftOwner, type NftOwner } from "../../../../src/host/linux/nft/load/nft-owner.ts";
import { AwgError } from "../../../../src/model/error.ts";
import type { FirewallObserved, FirewallPolicy } from "../../../../src/model/firewall/policy.ts";
import { NFT_TABLE } from "../../../../src/model/ownership.ts";
import { errnoError } from "../../../../src/native/linux/errno.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftTables,
} from "../../../../src/native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable } from "../../../../src/native/linux/nftables/table.codec.ts";

const ENOENT = 2;
/** Long enough for what was flushed to be found gone. */
const STAND_IN_MS = 500;
/** Long enough for a reading to find damage. */
const READ_MS = 200;

/**
 * Run inside a namespace: loads the policy of its standard input unless there is none, runs the commands while this
 * process owns the tables, reads, and ends; the tables stay behind without an owner.
 */
interface Request {
  readonly runDir: string;
  readonly policy?: FirewallPolicy | null;
  readonly commands?: readonly (readonly string[])[];
  /** Loaded behind the commands, by the same owner. */
  readonly next?: FirewallPolicy;
  /** The owner has to be started, which takes a while; the commands run meanwhile. */
  readonly isOwnerLate?: boolean;
  /** The ruleset is read while a load is between its two transactions. */
  readonly isRead?: boolean;
  /** The process is killed once the kernel has taken so many transactions. */
  readonly killedAfter?: number;
  /**
   * A device that is gone while the first transaction that names it is taken, and back at once. The kernel answers as before 6.16: since then
   * a chain may name a device that is not there (seen on 6.18).
   */
  readonly flickering?: string;
  readonly capabilities?: { readonly egressHook: boolean; readonly ownedTables: boolean };
}

const {
  runDir,
  policy,
  commands = [],
  next,
  isOwnerLate = false,
  flickering,
  killedAfter,
  isRead = false,
  capabilities: reported,
}: Request = JSON.parse(await text(process.stdin));
using socket = openNetfilterSocket();
const capabilities = () => reported ?? { egressHook: true, ownedTables: true };
const local = localNftOwner(socket);
const found: string[] = [];
let reading: Promise<FirewallObserved> | undefined;
let isDeviceBack = flickering === undefined;
const runCommands = () =>
  commands.map(([command = "", ...rest]) => spawnSync(command, rest, { timeout: 30_000 }).status);
const owner: NftOwner = {
  isReady: async () => !isOwnerLate,
  start: async () => {
    runCommands();
    await sleep(STAND_IN_MS);
  },
  sendTransaction: async (changes, generation) => {
    found.push(spawnSync("nft", ["list", "tables"], { encoding: "utf8" }).stdout);
    const hooked = changes.findIndex(({ message }) => Buffer.from(message).includes(`${flickering}\0`));
    if (!isDeviceBack && hooked >= 0) {
      isDeviceBack = true;
      throw refused(hooked);
    }
    if (isRead && found.length === 2) {
      reading = firewall.read();
      await sleep(READ_MS);
    }
    await local.sendTransaction(changes, generation);
    if (found.length === killedAfter) process.kill(process.pid, "SIGKILL");
  },
};
// As a keeper does when it starts.
if (policy !== undefined) takeOver();
const firewall = linuxFirewall({ runDir, owner, capabilities });
let error: string | undefined;
try {
  if (policy !== undefined) await firewall.load(policy);
} catch (thrown) {
  if (!(thrown instanceof AwgError)) throw thrown;
  error = thrown.message;
}
const statuses = isOwnerLate ? [] : runCommands();
if (next !== undefined) await firewall.load(next);
const readMeanwhile = await reading;
process.stdout.write(JSON.stringify({ ...(await firewall.read()), statuses, found, error, readMeanwhile }));

function refused(index: number): AwgError {
  const { kind, message, facts } = errnoError("adding a rule", ENOENT);
  return new AwgError(kind, message, { facts: { ...facts, index } });
}

function takeOver(): void {
  const orphans = readNftTables(socket).filter(
    ({ name, persistent, owned }) => name === NFT_TABLE && persistent && !owned,
  );
  commitNftChanges(
    socket,
    orphans.map(({ family, name }) => ({
      message: encodeTable({ family, name, owned: true, persistent: true }),
      action: `taking over the nf_tables table ${family} ${name}`,
    })),
  );
}
