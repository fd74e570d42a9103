import { existsSync, readFileSync } from "node:fs";
import type { RunSystemctl } from "../../../../src/host/linux/services/run-systemctl.ts";

interface FakeUnit {
  loadedText: string;
  active: boolean;
  enabled: boolean;
  pid: number;
}

/** A strict double of systemctl over a folder of unit files: an argument it does not know throws. */
export class FakeSystemctl {
  readonly calls: string[] = [];
  readonly units = new Map<string, FakeUnit>();
  /** Verbs that fail, with what they say. */
  readonly failing = new Map<string, string>();
  /** Whoever calls has no right to change anything. */
  refusesCaller = false;
  readonly #folder: string;
  #pid = 100;

  /** @param folder stands for /etc/systemd/system */
  constructor(folder: string) {
    this.#folder = folder;
  }

  readonly run: RunSystemctl = async (args) => {
    const [verb = "", ...rest] = args;
    if (verb === "list-units") return { status: 0, stdout: this.#list(), stderr: "" };
    if (verb !== "show") this.calls.push(args.join(" "));
    const said = this.failing.get(verb);
    if (this.refusesCaller && verb !== "show") {
      return { status: 4, stdout: "", stderr: `Failed to ${verb}: Interactive authentication required.` };
    }
    if (said !== undefined) return { status: 1, stdout: "", stderr: said };
    const name = rest.at(-1) ?? "";
    if (verb === "show") return { status: 0, stdout: this.#show(name), stderr: "" };
    if (verb === "daemon-reload") return this.#reload();
    const unit = this.units.get(name);
    if (unit === undefined) return { status: 5, stdout: "", stderr: `Unit ${name} not found.` };
    if (verb === "start" || verb === "restart") Object.assign(unit, { active: true, pid: ++this.#pid });
    else if (verb === "stop")
      Object.assign(unit, { active: rest.includes("--no-block") && unit.active, pid: unit.pid });
    else if (verb === "enable" || verb === "disable") unit.enabled = verb === "enable";
    else if (verb !== "reset-failed") throw new Error(`systemctl has no verb ${verb} here`);
    return { status: 0, stdout: "", stderr: "" };
  };

  #reload(): { status: number; stdout: string; stderr: string } {
    for (const name of ["awg.service", "awg-keeper.service"]) {
      const text = this.#text(name);
      const unit = this.units.get(name);
      if (text === undefined && unit !== undefined && !unit.active) this.units.delete(name);
      if (text === undefined) continue;
      this.units.set(name, { active: false, enabled: false, pid: 0, ...unit, loadedText: text });
    }
    return { status: 0, stdout: "", stderr: "" };
  }

  /** As `--plain --no-legend` prints it: UNIT LOAD ACTIVE SUB DESCRIPTION. */
  #list(): string {
    const running = [...this.units].filter(([, { active }]) => active);
    return running.map(([name]) => `  ${name} loaded active running some service\n`).join("");
  }

  #show(name: string): string {
    const unit = this.units.get(name);
    const lines = {
      LoadState: unit === undefined ? "not-found" : "loaded",
      ActiveState: unit?.active === true ? "active" : "inactive",
      UnitFileState: unit?.enabled === true ? "enabled" : unit === undefined ? "" : "disabled",
      NeedDaemonReload: unit !== undefined && unit.loadedText !== this.#text(name) ? "yes" : "no",
      MainPID: String(unit?.active === true ? unit.pid : 0),
      ExecMainCode: "0",
      ExecMainStatus: "0",
      ExecMainExitTimestampMonotonic: "0",
    };
    return Object.entries(lines)
      .map(([key, value]) => `${key}=${value}\n`)
      .join("");
  }

  #text(name: string): string | undefined {
    const path = `${this.#folder}/${name}`;
    return existsSync(path) ? readFileSync(path, "utf8") : undefined;
  }
}
