import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { sameData } from "../../../model/canonical.ts";
import { AwgError } from "../../../model/error.ts";
import { bearsMark } from "../../../model/ownership.ts";
import { CONFIG_FILES } from "../../../model/resources/config-file.ts";
import {
  LAUNCHD,
  type ServiceObserved,
  type ServicePlace,
  type ServiceSpec,
} from "../../../model/resources/service.ts";
import { readPropertyTexts } from "../../../native/darwin/process/property-list.codec.ts";
import type { ServiceCommand, ServiceManager, ServicePort } from "../../ports/services.ts";
import type { RunCommand } from "../command.ts";
import { domainOf, type Job, Launchctl } from "./launchctl.ts";
import type { JobState } from "./launchctl-print.ts";
import { writePlist } from "./write-plist.ts";

export interface LaunchdDeps {
  readonly run: RunCommand;
  readonly sleep: (ms: number) => Promise<void>;
  /** Absolute path and first arguments of this program. */
  readonly program: readonly string[];
  readonly runDir: string;
  /** Folder used instead of `/`, for tests. */
  readonly root?: string;
  /** The process that must not stop itself midway. */
  readonly ownPid?: number;
}

/** Services by launchd: LaunchDaemons of the system, and the agent of the user at the screen. */
export function launchdServices(deps: LaunchdDeps): ServicePort {
  const launchd = new Launchd(deps);
  return {
    readManager: async () => launchd.manager(),
    read: (place) => launchd.read(place),
    ensure: (spec) => launchd.ensure(spec),
    remove: (place) => launchd.remove(place),
    readAutostart: async ({ service, uid }) => ({
      service,
      enabled: !(await launchd.launchctl.isDisabled(jobOf(service, uid))),
      ...(uid === undefined ? {} : { uid }),
    }),
    ensureAutostart: async ({ service, uid, enabled }) => {
      const job = jobOf(service, uid);
      if ((await launchd.launchctl.isDisabled(job)) === enabled) await launchd.launchctl.setDisabled(job, !enabled);
    },
    control: (place, command) => launchd.control(place, command),
  };
}

class Launchd {
  readonly launchctl: Launchctl;
  readonly #deps: LaunchdDeps;

  constructor(deps: LaunchdDeps) {
    this.#deps = deps;
    this.launchctl = new Launchctl(deps.run, deps.sleep);
  }

  manager(): ServiceManager {
    const { runDir } = this.#deps;
    const agent = this.#agent();
    const common = { program: this.#program(), runDir, configFile: CONFIG_FILES.darwin };
    return { kind: "launchd", ...common, ...(agent === undefined ? {} : { agent }) };
  }

  /**
   * The installed program, if there is one, however this process was started. A script that finds node by PATH would
   * fail under launchd, whose PATH has system folders only, so it gets this process's node.
   */
  #program(): readonly string[] {
    const { program } = this.#deps;
    const installed = this.#at(LAUNCHD.program);
    if (statAt(installed) === undefined) return program;
    return looksForInterpreter(installed) ? [...program.slice(0, -1), LAUNCHD.program] : [LAUNCHD.program];
  }

  async read({ name, path, uid }: ServicePlace): Promise<ServiceObserved> {
    const definition = this.#text(path);
    const found = await this.launchctl.find(jobOf(name, uid));
    const isLoaded = typeof found === "object";
    const isOlder = isLoaded && usesOlder(found, definition);
    const staysUp = isLoaded && this.#staysUp(name, found);
    return {
      name,
      path,
      ...(uid === undefined ? {} : { uid }),
      definition,
      ownedByAwg: definition !== null && bearsMark(definition),
      // Without a session it cannot be loaded; launchd does that at login.
      loaded: isLoaded || (found === "no-session" && uid !== undefined && definition !== null),
      outdated: isOlder && !staysUp,
      ...(isOlder && staysUp ? { awaitsRestart: true } : {}),
      running: isLoaded && found.running,
      ...(isLoaded && found.pid !== undefined ? { pid: found.pid } : {}),
      ...(isLoaded && found.lastExit !== undefined ? { lastExit: found.lastExit } : {}),
    };
  }

  /**
   * A job is unloaded before its plist changes, so that the loaded job matches the file. Exceptions are this process
   * and a running keeper, whose utuns would be removed: their new definition applies from the next boot.
   */
  async ensure({ name, path, uid, definition, keepRunning }: ServiceSpec): Promise<void> {
    this.#refuseForeign(path);
    const job = jobOf(name, uid);
    const found = await this.launchctl.find(job);
    const isLoaded = typeof found === "object";
    const staysUp = isLoaded && this.#staysUp(name, found);
    const isWritten = this.#text(path) === definition;
    if (!staysUp && (!isWritten || (isLoaded && usesOlder(found, definition)))) await this.launchctl.bootout(job);
    if (!isWritten) writePlist(this.#at(path), definition, uid);
    if (staysUp) return;
    if (typeof (await this.launchctl.find(job)) !== "object") await this.launchctl.bootstrap(job, this.#at(path));
    const now = await this.launchctl.find(job);
    if (keepRunning && typeof now === "object" && !now.running) await this.launchctl.kickstart(job, false);
  }

  /** The job of this process is only unregistered: it is gone after it has ended. */
  async remove({ name, path, uid }: ServicePlace): Promise<void> {
    this.#refuseForeign(path);
    const job = jobOf(name, uid);
    const found = await this.launchctl.find(job);
    if (typeof found !== "object" || !this.#isSelf(found)) await this.launchctl.bootout(job);
    rmSync(this.#at(path), { force: true });
    if (await this.launchctl.isDisabled(job)) await this.launchctl.setDisabled(job, false);
  }

  /**
   * `KeepAlive` restarts a job that only ends, so stopping means unloading. A restart with a new definition also
   * unloads it, since a kickstarted job keeps the loaded one.
   */
  async control({ name, path, uid }: ServicePlace, command: ServiceCommand): Promise<void> {
    const job = jobOf(name, uid);
    if (command === "stop") return await this.launchctl.bootout(job);
    const definition = this.#text(path);
    let found = await this.launchctl.find(job);
    if (command === "restart" && typeof found === "object" && usesOlder(found, definition)) {
      await this.launchctl.bootout(job);
      found = "not-loaded";
    }
    if (typeof found !== "object") {
      if (definition === null)
        throw new AwgError("host", `the service ${name} is not installed: ${path} does not exist`);
      return await this.launchctl.bootstrap(job, this.#at(path));
    }
    if (command === "restart" || !found.running) await this.launchctl.kickstart(job, command === "restart");
  }

  #staysUp(name: string, found: JobState): boolean {
    return this.#isSelf(found) || (name === LAUNCHD.keeper && found.running);
  }

  #isSelf({ pid }: JobState): boolean {
    return pid === (this.#deps.ownPid ?? process.pid);
  }

  /** The user at the screen, otherwise the user who has our agent, so that it does not change with each login. */
  #agent(): ServiceManager["agent"] {
    if (statAt(this.#at(LAUNCHD.window)) === undefined) return undefined;
    const users = namesIn(this.#at("/Users")).flatMap((name) => {
      const uid = statAt(this.#at(`/Users/${name}`))?.uid;
      return uid === undefined || uid === 0 ? [] : [{ uid, home: `/Users/${name}` }];
    });
    const atScreen = statAt(this.#at("/dev/console"))?.uid;
    return (
      users.find(({ uid }) => uid === atScreen) ??
      users.find(({ home }) => this.#text(`${home}/Library/LaunchAgents/${LAUNCHD.gui}.plist`) !== null)
    );
  }

  #refuseForeign(path: string): void {
    const definition = this.#text(path);
    if (definition === null || bearsMark(definition)) return;
    throw new AwgError("conflict", `${path} was not written by awg`, { remedy: "move that file away, then try again" });
  }

  #text(path: string): string | null {
    try {
      return readFileSync(this.#at(path), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new AwgError("host", `${path} cannot be read in ${dirname(path)}`, { cause: error });
    }
  }

  #at(path: string): string {
    return join(this.#deps.root ?? "/", path);
  }
}

/**
 * Whether a job was loaded with another command line than its plist's; launchd reports nothing else of what it loaded.
 * Words that it may print differently are not compared.
 */
function usesOlder({ words }: JobState, definition: string | null): boolean {
  const wanted = definition === null ? undefined : readPropertyTexts(definition, "ProgramArguments");
  if (words === undefined || wanted === undefined || !wanted.every((word) => /^[\x20-\x7e]*$/.test(word))) return false;
  return !sameData(words, wanted);
}

function jobOf(label: string, uid: number | undefined): Job {
  return { domain: domainOf(uid), label };
}

/** Whether it is a script, as npm installs programs: it looks for node on PATH. */
function looksForInterpreter(path: string): boolean {
  if (!statSync(path).isFile()) return false;
  const start = new Uint8Array(64);
  const fd = openSync(path, "r");
  try {
    readSync(fd, start);
  } finally {
    closeSync(fd);
  }
  return new TextDecoder().decode(start).startsWith("#!");
}

function statAt(path: string): { readonly uid: number } | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}
