import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { daemonOutside } from "../../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../../src/daemon/daemon-report.ts";
import { keepHost } from "../../../src/daemon/run-daemon.ts";
import { CONFIG, type MacBook } from "./macbook.ts";

/** awg daemon on the MacBook: loop, watches and network monitor; time passes on the Mac while the test waits. */
export class MacDaemon implements AsyncDisposable {
  readonly reports: DaemonReport[] = [];
  readonly #mac: MacBook;
  readonly #end = Promise.withResolvers<void>();
  readonly #running: Promise<void>;

  constructor(mac: MacBook) {
    this.#mac = mac;
    const file = join(mac.world.root, "awg.yaml");
    writeFileSync(file, CONFIG, { mode: 0o600 });
    this.#running = keepHost(mac.session.useCases(), {
      outside: daemonOutside({}),
      files: [file],
      report: (report) => this.reports.push(report),
      untilStopped: this.#end.promise,
    });
  }

  async until(isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + 30_000;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`not in 30 s; it reported ${JSON.stringify(this.reports)}`);
      this.#mac.world.tick();
      await sleep(20);
    }
  }

  of(type: DaemonReport["type"]): readonly DaemonReport[] {
    return this.reports.filter((one) => one.type === type);
  }

  /** What woke the loop, without the looks that a clock asks for however long the test takes. */
  get changesTold(): readonly string[] {
    const reasons = this.reports.flatMap((one) => (one.type === "woken" ? one.reasons : []));
    return reasons.filter((reason) => /^(?:primary service|default route|routes|addresses|devices)/.test(reason));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.resolve();
    await this.#running;
  }
}
