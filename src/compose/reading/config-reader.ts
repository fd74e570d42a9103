import { VERSION } from "../../model/version.ts";
import type { LoadedConfig, SessionOptions, SourceFile } from "../session.ts";
import type { KnownConfig } from "./known-config.ts";
import { readInclude } from "./read-include.ts";

/** Loads configurations, and remembers the last one that was applied so that the next start need not parse it. */
export class ConfigReader {
  readonly #known: KnownConfig | undefined;
  readonly #options: SessionOptions;
  #fresh: { readonly files: readonly SourceFile[]; readonly loaded: LoadedConfig } | undefined;

  constructor(known: KnownConfig | undefined, options: SessionOptions) {
    this.#known = known;
    this.#options = options;
  }

  /** All problems at once, or the config. */
  async load(files: readonly SourceFile[]): Promise<LoadedConfig> {
    const known = this.#known?.read(files);
    if (known !== undefined) return known;
    const { loadConfig } = await import("../../model/config/load-config.ts");
    const { environment, allowInsecurePermissions } = this.#options;
    const options = { environment, allowInsecurePermissions, readInclude, programVersion: VERSION };
    const { config, problems, hash, sources, secretPlaces } = loadConfig(files, options);
    const loaded = { config, problems, hash, sources: files.map(({ name }) => name), secretPlaces };
    const { hasInlineSecret } = await import("../../model/config/config.ts");
    if (sources.length === files.length && config !== undefined && !hasInlineSecret(config))
      this.#fresh = { files, loaded };
    return loaded;
  }

  /** To be called when what was loaded last is applied. */
  remember(): void {
    if (this.#fresh !== undefined) this.#known?.write(this.#fresh.files, this.#fresh.loaded);
  }
}
