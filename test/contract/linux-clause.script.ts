import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { desktopNotifications } from "../../src/host/linux/desktop-notifications.ts";
import { linuxHost } from "../../src/host/linux/linux-host.ts";
import { linuxNetworkEvents } from "../../src/host/linux/network-events.ts";
import { linuxProcesses } from "../../src/host/linux/processes/linux-processes.ts";
import { runSystemctl } from "../../src/host/linux/services/run-systemctl.ts";
import { systemdServices } from "../../src/host/linux/services/systemd-services.ts";
import { SERVICE_MARK } from "../../src/model/ownership.ts";
import type { SecretId } from "../../src/model/secret.ts";
import { FakeSystemctl } from "../host/linux/services/fake-systemctl.ts";
import type { ContractWorld } from "./contract-world.ts";
import { clausesOf, isOfThisMachine } from "./coverage.ts";
import { FakeDesktop, LinuxOtherPrograms, until } from "./linux-other-programs.ts";
import { checkWitnessed } from "./witness.ts";

/** What one run inside a namespace is told; it answers with what it found broken, by the clause's number. */
export interface ClauseRun {
  /** Numbers of the clauses, and the device that each may make. */
  readonly clauses: readonly { readonly index: number; readonly device: string }[];
  readonly uplink: string;
  readonly folder: string;
  readonly keeperCommand: readonly string[];
  /** The real systemd is the init here, and its units are asked for. */
  readonly systemd?: true;
}

/** Null where a clause holds. */
export type ClauseAnswer = Readonly<Record<number, string | null>>;

const NOBODY = 65_534;
const UNITS = "/etc/systemd/system";
const PLACE = { name: "awg.service", path: `${UNITS}/awg.service` };
const run = JSON.parse(readFileSync(0, "utf8")) as ClauseRun;
const stored = new Map<SecretId, Uint8Array>();

function idOf(bytes: Uint8Array): SecretId {
  const id = createHash("sha256").update(bytes).digest("hex") as SecretId;
  stored.set(id, bytes);
  return id;
}

function bytesOf(id: SecretId): Uint8Array {
  const bytes = stored.get(id);
  if (bytes === undefined) throw new Error("no such secret");
  return bytes;
}

/** The machine's own resolv.conf must never be the one that is written. */
function checkResolverIsOurs(): void {
  const mounts = readFileSync("/proc/self/mountinfo", "utf8");
  if (!mounts.includes(" /etc/resolv.conf ")) throw new Error("/etc/resolv.conf is not the namespace's own");
}

const openHost = () =>
  linuxHost({
    runDir: `${run.folder}/run`,
    stateDir: `${run.folder}/state`,
    namespaced: true,
    keeperCommand: run.keeperCommand,
    secrets: { idOf, bytesOf },
  });

const openProcesses = () => linuxProcesses({ nowMs: () => performance.now() });
const secrets = {
  privateKey: idOf(Uint8Array.from({ length: 32 }, (_, index) => (index === 31 ? 0x40 : 8 * (index + 1)) & 0xff)),
  presharedKey: idOf(new Uint8Array(32).fill(7)),
};

/**
 * This kernel's network and processes. systemd is the init of no namespace of the network's: its part, and the desktop's,
 * are doubles below `root`; systemd.nightly.test.ts checks the clauses of services against the real one.
 */
function worldOf(device: string, root: string, programs: LinuxOtherPrograms, desktop: FakeDesktop): ContractWorld {
  const systemctl = new FakeSystemctl(root + UNITS);
  const manager = { program: ["/usr/local/bin/awg"], runDir: "/run/awg", namespaced: false };
  const services = () =>
    systemdServices({ ...manager, ...(run.systemd ? { run: runSystemctl } : { run: systemctl.run, root }) });
  return {
    kind: "linux",
    host: openHost(),
    second: openHost,
    // The kernel takes all capabilities away with the effective user.
    asViewer: async (use) => {
      process.seteuid?.(NOBODY);
      systemctl.refusesCaller = true;
      try {
        await use(openHost(), {
          processes: openProcesses(),
          networkEvents: linuxNetworkEvents,
          services: services(),
        });
      } finally {
        process.seteuid?.(0);
        systemctl.refusesCaller = false;
      }
    },
    processes: openProcesses,
    networkEvents: () => linuxNetworkEvents,
    services,
    serviceSpec: (more) => ({ ...PLACE, definition: unit(more), keepRunning: true }),
    notifications: { show: desktopNotifications(root, desktop.run), shown: () => desktop.shown },
    until,
    uplink: run.uplink,
    loopback: "lo",
    device,
    secrets,
    others: programs,
  };
}

function unit(more: string): string {
  return `# ${SERVICE_MARK} ${more}\n[Service]\nExecStart=/bin/sleep 600\n[Install]\nWantedBy=multi-user.target\n`;
}

/** The message of what is broken, or null. */
async function check({ index, device }: ClauseRun["clauses"][number]): Promise<string | null> {
  const root = `${run.folder}/root-${index}`;
  for (const folder of [UNITS, "/run/systemd/system"]) mkdirSync(root + folder, { recursive: true });
  const desktop = new FakeDesktop(root);
  using programs = new LinuxOtherPrograms(run.uplink, run.systemd ? PLACE.path : root + PLACE.path, desktop);
  try {
    const clause = clausesOf("linux")[index];
    if (clause !== undefined && !isOfThisMachine(clause)) checkResolverIsOurs();
    const world = worldOf(device, root, programs, desktop);
    if (run.systemd) {
      // What the clause before it left.
      programs.writeService(unit(""));
      await world.services().remove(PLACE);
    }
    if (clause !== undefined) await checkWitnessed(clause, world);
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

// Somebody without root's rights reads below it; what is secret there is in folders of its own.
chmodSync(run.folder, 0o711);
const answer: Record<number, string | null> = {};
for (const clause of run.clauses) answer[clause.index] = await check(clause);
// What a broken clause left open must not keep this process.
process.stdout.write(JSON.stringify(answer satisfies ClauseAnswer), () => process.exit());
