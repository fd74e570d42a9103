import { existsSync, readFileSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { bearsMark } from "../../../model/ownership.ts";
import { CONFIG_FILES } from "../../../model/resources/config-file.ts";
import type { ServiceObserved, ServicePlace, ServiceSpec } from "../../../model/resources/service.ts";
import type { NoServiceManager, ServiceManager, ServicePort } from "../../ports/services.ts";
import { withFilePermission } from "../file-permission.ts";
import { type FileOwner, replaceFile, syncFolder } from "../resolver/durable-file.ts";
import type { RunSystemctl } from "./run-systemctl.ts";
import { parseUnitState, UNIT_PROPERTIES, type UnitState } from "./systemctl-show.ts";

/** Exists when systemd is the init system: sd_booted(3). */
const BOOTED_BY_SYSTEMD = "/run/systemd/system";
const ROOT_OWNED: FileOwner = { mode: 0o644, uid: 0, gid: 0 };

export interface SystemdDeps {
  readonly run: RunSystemctl;
  /** Absolute path and first arguments of this program. */
  readonly program: readonly string[];
  readonly runDir: string;
  /** Whether awg acts in a network namespace other than the host's own; services belong to the host. */
  readonly namespaced: boolean;
  /** Folder used instead of `/`, for tests. */
  readonly root?: string;
  /** The process that must not stop itself midway. */
  readonly ownPid?: number;
  /** The owner of unit files; root except in tests. */
  readonly owner?: FileOwner;
}

/** Services by systemd through systemctl; unit files are replaced durably. */
export function systemdServices(deps: SystemdDeps): ServicePort {
  const systemd = new Systemd(deps);
  return {
    readManager: async () => systemd.manager(),
    read: (place) => systemd.read(place),
    ensure: (spec) => systemd.ensure(spec),
    remove: (place) => systemd.remove(place),
    readAutostart: async ({ service }) => ({ service, enabled: (await systemd.state(service)).enabled }),
    ensureAutostart: ({ service, enabled }) => systemd.setEnabled(service, enabled),
    readRunning: () => systemd.running(),
    control: ({ name }, command) => systemd.ask([command, name]),
  };
}

class Systemd {
  readonly #deps: SystemdDeps;

  constructor(deps: SystemdDeps) {
    this.#deps = deps;
  }

  manager(): ServiceManager | NoServiceManager {
    const { namespaced, program, runDir } = this.#deps;
    if (namespaced) return { kind: "none", reason: "services belong to the host, not to a network namespace" };
    if (!existsSync(this.#at(BOOTED_BY_SYSTEMD)))
      return { kind: "none", reason: "systemd is not the init system here" };
    return { kind: "systemd", program, configFile: CONFIG_FILES.linux, runDir };
  }

  async read({ name, path }: ServicePlace): Promise<ServiceObserved> {
    const definition = this.#text(path);
    const { loaded, needsReload, active, pid, lastExit } = await this.state(name);
    return {
      name,
      path,
      definition,
      ownedByAwg: definition !== null && bearsMark(definition),
      loaded,
      outdated: needsReload,
      running: active,
      ...(pid === undefined ? {} : { pid }),
      ...(lastExit === undefined ? {} : { lastExit }),
    };
  }

  async state(name: string): Promise<UnitState> {
    const { status, stdout, stderr } = await this.#deps.run(["show", "-p", UNIT_PROPERTIES, "--", name]);
    if (status === 0) return parseUnitState(stdout);
    throw new AwgError("host", `systemctl could not show the state of ${name}: ${lastLine(stderr)}`);
  }

  /** First words of `systemctl list-units`: the name comes first with --plain. */
  async running(): Promise<readonly string[]> {
    const words = ["list-units", "--type=service", "--state=running", "--plain", "--no-legend"];
    const { status, stdout, stderr } = await this.#deps.run(words);
    if (status !== 0) throw new AwgError("host", `systemctl could not list the services: ${lastLine(stderr)}`);
    return stdout.split("\n").flatMap((line) => /^\s*(\S+\.service)\s/.exec(line)?.[1] ?? []);
  }

  /** A running service keeps its old definition until it is restarted, which is left to the user. */
  async ensure({ name, path, definition, keepRunning }: ServiceSpec): Promise<void> {
    this.#refuseForeign(path);
    const isWritten = this.#text(path) === definition;
    if (!isWritten) this.#write(path, definition);
    const { loaded, needsReload } = await this.state(name);
    if (!isWritten || !loaded || needsReload) await this.ask(["daemon-reload"]);
    if (keepRunning && !(await this.state(name)).active) {
      await this.#deps.run(["reset-failed", "--", name]);
      await this.ask(["start", "--", name]);
    }
  }

  async remove({ name, path }: ServicePlace): Promise<void> {
    const definition = this.#text(path);
    const { loaded, active, pid, enabled } = await this.state(name);
    if (definition === null && !loaded) return;
    this.#refuseForeign(path);
    if (enabled) await this.#askWhileThere(name, ["disable", "--", name]);
    if (active) await this.#askWhileThere(name, ["stop", ...(pid === this.#ownPid ? ["--no-block"] : []), "--", name]);
    withFilePermission(`removing the unit ${name}`, () => {
      rmSync(this.#at(path), { force: true });
      syncFolder(dirname(this.#at(path)));
    });
    await this.ask(["daemon-reload"]);
    await this.#deps.run(["reset-failed", "--", name]);
  }

  /** Another process may remove the unit meanwhile. */
  async #askWhileThere(name: string, args: readonly string[]): Promise<void> {
    try {
      await this.ask(args);
    } catch (error) {
      if ((await this.state(name)).loaded) throw error;
    }
  }

  async setEnabled(name: string, enabled: boolean): Promise<void> {
    const state = await this.state(name);
    if (state.enabled === enabled || (!enabled && !state.loaded)) return;
    await this.ask([enabled ? "enable" : "disable", "--", name]);
  }

  async ask(args: readonly string[]): Promise<void> {
    const { status, stderr } = await this.#deps.run(args);
    if (status === 0) return;
    const what = args.filter((word) => !word.startsWith("--")).join(" ");
    const kind = /access denied|authentication required|permission denied/i.test(stderr) ? "permission" : "host";
    throw new AwgError(kind, `systemctl ${what} failed: ${lastLine(stderr)}`, {
      facts: { status },
      remedy: `see journalctl -u ${args.at(-1) ?? ""}`,
    });
  }

  get #ownPid(): number {
    return this.#deps.ownPid ?? process.pid;
  }

  #refuseForeign(path: string): void {
    const definition = this.#text(path);
    if (definition === null || bearsMark(definition)) return;
    throw new AwgError("conflict", `${path} was not written by awg`, { remedy: "move that file away, then try again" });
  }

  #write(path: string, definition: string): void {
    const owner = this.#deps.owner ?? ROOT_OWNED;
    withFilePermission("writing a unit", () => replaceFile(this.#at(path), Buffer.from(definition), owner));
  }

  /** A masked unit is a link to /dev/null: it exists, is empty, and is not ours. */
  #text(path: string): string | null {
    try {
      return readFileSync(this.#at(path), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw new AwgError("host", `${path} cannot be read`, { cause: error });
    }
  }

  #at(path: string): string {
    return `${this.#deps.root ?? ""}${path}`;
  }
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "no output";
}
