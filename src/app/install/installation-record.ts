import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What earlier installs made without a mark of its own, so that it is removed with awg. */
export class InstallationRecord {
  readonly #folder: string;
  readonly #file: string;

  /** @param stateDir awg's state folder, absolute */
  constructor(stateDir: string) {
    this.#folder = stateDir;
    this.#file = join(stateDir, "installation.json");
  }

  /** A record that is missing or broken counts as empty: then nothing unmarked is removed. */
  read(): ReadonlySet<string> {
    try {
      const { made } = JSON.parse(readFileSync(this.#file, "utf8")) as { readonly made?: unknown };
      return new Set(Array.isArray(made) ? made.filter((one): one is string => typeof one === "string") : []);
    } catch {
      return new Set();
    }
  }

  /** Notes one more; on the disk when it returns. */
  add(what: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const text = `${JSON.stringify({ formatVersion: "1", made: [...this.read(), what] })}\n`;
    writeFileSync(`${this.#file}.new`, text, { mode: 0o600, flush: true });
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Removes the record. */
  clear(): void {
    rmSync(this.#file, { force: true });
  }
}
