import type { ConfigSource } from "../../model/config/config-hash.ts";
import { VERSION } from "../../model/version.ts";
import { exposureOf, trustedOwners } from "../../state/file-trust.ts";
import type { LoadedConfig, SessionOptions, SourceFile } from "../session.ts";
import type { KnownConfig } from "./known-config.ts";
import { readInclude } from "./read-include.ts";

/** Loads configurations, and remembers the last one that was applied so that the next start need not parse it. */
export class ConfigReader {
  readonly #known: KnownConfig | undefined;
  readonly #options: SessionOptions;
  /** Whose files are carried out; undefined where it is not asked. */
  readonly #owners: ReadonlySet<number> | undefined;
  #fresh: { readonly files: readonly SourceFile[]; readonly loaded: LoadedConfig } | undefined;

  constructor(known: KnownConfig | undefined, options: SessionOptions) {
    this.#known = known;
    this.#options = options;
    const { host, allowInsecurePermissions, environment, isUnattended } = options;
    if (host.kind === "linux" && !allowInsecurePermissions) this.#owners = trustedOwners(environment, isUnattended);
  }

  /** All problems at once, or the config. */
  async load(files: readonly SourceFile[]): Promise<LoadedConfig> {
    const sources = files.map((file) => this.#judged(file));
    const known = sources.some(({ exposure }) => exposure !== undefined) ? undefined : this.#known?.read(files);
    if (known !== undefined) return known;
    const { loadConfig } = await import("../../model/config/load-config.ts");
    const { environment, allowInsecurePermissions } = this.#options;
    const include = (name: string, from: string) => [readInclude(name, from)].flat().map((file) => this.#judged(file));
    const options = { environment, allowInsecurePermissions, readInclude: include, programVersion: VERSION };
    const { config, problems, hash, sources: all, secretPlaces, featurePlaces } = loadConfig(sources, options);
    const loaded = { config, problems, hash, sources: files.map(({ name }) => name), secretPlaces, featurePlaces };
    const { hasInlineSecret } = await import("../../model/config/config.ts");
    if (all.length === files.length && config !== undefined && !hasInlineSecret(config))
      this.#fresh = { files, loaded };
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
  }
}
