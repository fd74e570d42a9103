import type { ConfigSource } from "../../config/config-hash.ts";
import type { System } from "../../config/feature/support.ts";
import { sameData } from "../../model/canonical.ts";
import { VERSION } from "../../model/version.ts";
import { exposureOf, trustedOwners } from "../../state/file-trust.ts";
import type { HostOptions } from "../host-options.ts";
import type { KnownConfig } from "./known-config.ts";
import type { LoadedConfig, SourceFile } from "./loaded-config.ts";
import { readInclude } from "./read-include.ts";

interface Reading {
  readonly files: readonly SourceFile[];
  readonly loaded: LoadedConfig;
}

/**
 * Loads configurations. It reuses the last one in this process while its files are unchanged. The last applied one
 * needs no parsing at the next start.
 */
export class ConfigReader {
  readonly #known: KnownConfig | undefined;
  readonly #options: HostOptions;
  /** Trusted owners of config files; undefined if owners are not checked. */
  readonly #owners: ReadonlySet<number> | undefined;
  #last: Reading | undefined;
  /** Parsed here, and not saved for the next start yet. */
  #fresh: Reading | undefined;

  constructor(known: KnownConfig | undefined, options: HostOptions) {
    this.#known = known;
    this.#options = options;
    const { host, allowInsecurePermissions, environment, isUnattended } = options;
    if (host.kind === "linux" && !allowInsecurePermissions) this.#owners = trustedOwners(environment, isUnattended);
  }

  /** All problems at once, or the config. Warns of keys that a plan refuses on `refusedOn`. */
  async load(files: readonly SourceFile[], refusedOn?: System): Promise<LoadedConfig> {
    const sources = files.map((file) => this.#judged(file));
    const mustParse = refusedOn !== undefined || sources.some(({ exposure }) => exposure !== undefined);
    const known = mustParse ? undefined : this.#recall(files);
    if (known !== undefined) return known;
    const { loadConfig } = await import("../../config/load-config.ts");
    const { allowInsecurePermissions } = this.#options;
    let includes = false;
    const include = (name: string, from: string) => {
      includes = true;
      return [readInclude(name, from)].flat().map((file) => this.#judged(file));
    };
    const options = {
      allowInsecurePermissions,
      readInclude: include,
      programVersion: VERSION,
      ...(refusedOn === undefined ? {} : { refusedOn }),
    };
    const { config, sources: _read, ...found } = loadConfig(sources, options);
    const loaded = { config, ...found, sources: files.map(({ name }) => name) };
    const { hasInlineSecret } = await import("../../config/config.ts");
    // Included files may change until the next time, also in a folder without any file yet.
    if (refusedOn === undefined && !includes && config !== undefined && !hasInlineSecret(config)) {
      this.#last = { files, loaded };
      this.#fresh = this.#last;
    }
    return loaded;
  }

  #recall(files: readonly SourceFile[]): LoadedConfig | undefined {
    if (this.#last !== undefined && sameData(this.#last.files, files)) return this.#last.loaded;
    const loaded = this.#known?.read(files);
    if (loaded !== undefined) this.#last = { files, loaded };
    return loaded;
  }

  #judged(file: SourceFile): ConfigSource {
    const { name, uid, gid, mode } = file;
    if (this.#owners === undefined || uid === undefined || gid === undefined || mode === undefined) return file;
    const exposure = exposureOf(name, { uid, gid, mode }, this.#owners);
    return exposure === undefined ? file : { ...file, exposure };
  }

  /** To be called when what was loaded last is applied. */
  remember(): void {
    if (this.#fresh !== undefined) this.#known?.write(this.#fresh.files, this.#fresh.loaded);
    this.#fresh = undefined;
  }
}
