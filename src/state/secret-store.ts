import { join } from "node:path";
import { AwgError } from "../model/error.ts";
import type { SecretId, SecretRef } from "../model/secret.ts";
import { hmacSha256 } from "../model/sha256.ts";
import type { SecretKeeper } from "../reconciler/apply/stores.ts";
import { clampPrivateKey } from "../uapi/key-text.ts";
import { damaged } from "./envelope.ts";
import { readKey, type SecretSourceOptions } from "./secret-source.ts";
import { StateFolder } from "./state-folder.ts";

const MACHINE_KEY = "machine.key";
const KEY_BYTES = 32;
const ID_NAME = /^[0-9a-f]{64}$/;

/**
 * Secrets by id. The bytes seen in this process stay in memory; a writing verb makes them durable as `secrets/<id>`, so
 * that a rollback or a later apply has them although the file they came from is gone (law 8).
 */
export class SecretStore implements SecretKeeper {
  readonly #folder: StateFolder;
  readonly #secrets: StateFolder;
  readonly #options: SecretSourceOptions;
  readonly #known = new Map<SecretId, Uint8Array>();
  #machineKey: Uint8Array | undefined;

  constructor(folderPath: string, options: SecretSourceOptions) {
    this.#folder = new StateFolder(folderPath);
    this.#secrets = new StateFolder(join(folderPath, "secrets"));
    this.#options = options;
  }

  /** Reads the key a reference leads to and gives its id. AwgError config or unsupported, naming the reference. */
  resolveKey(ref: SecretRef): SecretId {
    return this.idOf(readKey(ref, this.#options));
  }

  /**
   * As resolveKey, for an X25519 private key: clamped first (RFC 7748 section 5), since engines report it so and an
   * unclamped one would differ from what is read back for ever.
   */
  resolvePrivateKey(ref: SecretRef): SecretId {
    return this.idOf(clampPrivateKey(readKey(ref, this.#options)));
  }

  /** The id of these bytes: equal on this machine exactly when the bytes are. */
  idOf(bytes: Uint8Array): SecretId {
    this.#demandFittingKey();
    const id = this.#nameOf(bytes);
    if (!this.#known.has(id)) this.#known.set(id, Uint8Array.from(bytes));
    return id;
  }

  /** The bytes of an id. AwgError journal when they are nowhere or not what the id says. */
  bytesOf(id: SecretId): Uint8Array {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const bytes = ID_NAME.test(id) ? this.#secrets.read(id) : undefined;
    if (bytes === undefined) {
      throw new AwgError("journal", `the secret ${id.slice(0, 8)}… is not in the secret store`, {
        facts: { folder: this.#secrets.path },
        remedy: "apply the configuration that names it again",
      });
    }
    if (this.#nameOf(bytes) !== id) throw this.#damaged(id, bytes);
    this.#known.set(id, bytes);
    return bytes;
  }

  /** AwgError stale-plan when another awg made the machine's key after ids were made here: they would name nothing. */
  async persist(): Promise<boolean> {
    const kept = this.#folder.read(MACHINE_KEY);
    if (kept === undefined) this.#folder.replace(MACHINE_KEY, this.#key());
    else if (this.#machineKey !== undefined && Buffer.compare(kept, this.#machineKey) !== 0) {
      this.#machineKey = undefined;
      this.#known.clear();
      throw new AwgError("stale-plan", "another awg was the first to write here since this plan was made", {
        remedy: "plan again; nothing was changed",
      });
    }
    return this.#keep([...this.#known.keys()]) > 0;
  }

  async restore(named: ReadonlySet<SecretId>): Promise<boolean> {
    return this.#folder.read(MACHINE_KEY) !== undefined && this.#keep([...named]) > 0;
  }

  damage(): readonly AwgError[] {
    try {
      this.#demandFittingKey();
      if (this.#folder.read(MACHINE_KEY) === undefined) return [];
      return this.#kept().flatMap(({ id, bytes }) => (this.#nameOf(bytes) === id ? [] : [this.#damaged(id, bytes)]));
    } catch (error) {
      return error instanceof AwgError ? [error] : [];
    }
  }

  /** Makes those of them durable that are not, and whose bytes are known. */
  #keep(ids: readonly SecretId[]): number {
    const there = new Set(this.#secrets.list());
    const missing = ids.filter((id) => this.#known.has(id) && !there.has(id));
    for (const id of missing) this.#secrets.replace(id, this.bytesOf(id));
    return missing.length;
  }

  #kept(): readonly { readonly id: SecretId; readonly bytes: Uint8Array }[] {
    const ids = this.#secrets.list().filter((name) => ID_NAME.test(name)) as SecretId[];
    return ids.flatMap((id) => {
      const bytes = this.#secrets.read(id);
      return bytes === undefined ? [] : [{ id, bytes }];
    });
  }

  #damaged(id: SecretId, bytes: Uint8Array): AwgError {
    const what = bytes.length === KEY_BYTES ? "is not the secret its name says" : lengthText(bytes);
    return damaged(this.#secrets.pathOf(id), what);
  }

  async prune(keep: ReadonlySet<SecretId>): Promise<void> {
    for (const name of this.#secrets.list()) {
      if (ID_NAME.test(name) && !keep.has(name as SecretId)) this.#secrets.remove(name);
    }
  }

  #nameOf(bytes: Uint8Array): SecretId {
    return Buffer.from(hmacSha256(this.#key(), bytes)).toString("hex") as SecretId;
  }

  /**
   * A key that was changed would give every secret another id, so that each looked like another secret. Where no secret is as its
   * name says, one of another length tells that it is them.
   */
  #demandFittingKey(): void {
    if (this.#machineKey !== undefined || this.#folder.read(MACHINE_KEY) === undefined) return;
    const kept = this.#kept();
    if (kept.length === 0 || kept.some(({ id, bytes }) => this.#nameOf(bytes) === id)) return;
    this.#machineKey = undefined;
    const cut = kept.find(({ bytes }) => bytes.length !== KEY_BYTES);
    if (cut !== undefined) throw this.#damaged(cut.id, cut.bytes);
    throw damaged(this.#folder.pathOf(MACHINE_KEY), "does not fit the secrets that are kept beside it");
  }

  /** The key that ids are made with: the machine's, or, before anything was written here, one for this process. */
  #key(): Uint8Array {
    if (this.#machineKey !== undefined) return this.#machineKey;
    const kept = this.#folder.read(MACHINE_KEY);
    if (kept !== undefined && kept.length !== KEY_BYTES) {
      throw damaged(this.#folder.pathOf(MACHINE_KEY), lengthText(kept));
    }
    this.#machineKey = kept ?? newKey();
    return this.#machineKey;
  }
}

function lengthText({ length }: Uint8Array): string {
  return length === 0 ? `is empty; ${KEY_BYTES} bytes belong there` : `has ${length} bytes instead of ${KEY_BYTES}`;
}

/** node:crypto is loaded only where a key is made: its 8 ms are a tenth of a cold start. */
function newKey(): Uint8Array {
  return process.getBuiltinModule("node:crypto").randomBytes(KEY_BYTES);
}
