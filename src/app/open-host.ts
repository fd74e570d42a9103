import type { HostOptions } from "./host-options.ts";
import { ConfigReader } from "./load/config-reader.ts";
import type { HostParts } from "./parts.ts";

/** A host that use cases act on, and the reader of its config files. Closed by disposing. */
export class OpenHost implements AsyncDisposable {
  readonly parts: HostParts;
  readonly configs: ConfigReader;

  constructor(parts: HostParts, options: HostOptions) {
    this.parts = parts;
    this.configs = new ConfigReader(parts.known, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.parts.host[Symbol.asyncDispose]();
  }
}
