import { join } from "node:path";
import { AwgError } from "../model/error.ts";
import type { SecretId, SecretRef } from "../model/secret.ts";
import { hmacSha256 } from "../model/sha256.ts";
import type { SecretKeeper } from "../reconciler/journal/stores.ts";
import { clampPrivateKey } from "../uapi/key-text.ts";
import { damaged } from "./envelope.ts";
import { readKey, readSecretText, type SecretSourceOptions } from "./secret-source.ts";
import { StateFolder } from "./state-folder.ts";

const MACHINE_KEY = "machine.key";
const KEY_BYTES = 32;
const ID_NAME = /^[0-9a-f]{64}$/;

/**
 * Secrets by id. Bytes seen in this process stay in memory; a changing verb stores them as `secrets/<id>`, so that a
 * rollback or a later apply has them even without their source file (law 8).
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

  /** Reads the key of a reference and returns its id. AwgError config or unsupported, naming the reference. */
  resolveKey(ref: SecretRef): SecretId {
    return this.idOf(readKey(ref, this.#options));
  }

  /**
   * As resolveKey, for an X25519 private key, which is clamped first (RFC 7748 section 5): engines report it clamped,
   * and an unclamped one would always differ.
   */
  resolvePrivateKey(ref: SecretRef): SecretId {
    return this.idOf(clampPrivateKey(readKey(ref, this.#options)));
  }

  /** The id of any secret of a config. */
  resolve({ ref, isPrivateKey, isText }: { ref: SecretRef; isPrivateKey: boolean; isText?: true }): SecretId {
    if (isText === true) return this.idOf(new TextEncoder().encode(readSecretText(ref, this.#options)));
    return isPrivateKey ? this.resolvePrivateKey(ref) : this.resolveKey(ref);
  }

  /** The id of these bytes: ids on this host are equal exactly when the bytes are. */
  idOf(bytes: Uint8Array): SecretId {
    this.#demandFittingKey();
    const id = this.#nameOf(bytes);
    if (!this.#known.has(id)) this.#known.set(id, Uint8Array.from(bytes));
    return id;
  }

  /** The bytes of an id. AwgError journal when they are missing or do not match the id. */
  bytesOf(id: SecretId): Uint8Array {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const bytes = ID_NAME.test(id) ? this.#secrets.read(id) : undefined;
    if (bytes === undefined) {
      throw new AwgError("journal", `the secret ${id.slice(0, 8)}… is not in the secret store`, {
        facts: { folder: this.#secrets.path },
        remedy: "apply the configuration that uses it again",
      });
    }
    if (this.#nameOf(bytes) !== id) throw this.#damaged(id, bytes);
    this.#known.set(id, bytes);
    return bytes;
  }

  /**
   * AwgError stale-plan when another awg created the host's key after this process made ids: they would be invalid.
   */
  async persist(): Promise<boolean> {
    const kept = this.#folder.read(MACHINE_KEY);
    if (kept === undefined) this.#folder.replace(MACHINE_KEY, this.#key());
    else if (this.#machineKey !== undefined && Buffer.compare(kept, this.#machineKey) !== 0) {
      this.#machineKey = undefined;
      this.#known.clear();
      throw new AwgError("stale-plan", "another awg wrote here first after this plan was made", {
        remedy: "plan again; nothing was changed",
      });
    }
    return this.#store([...this.#known.keys()]) > 0;
  }

  async restore(named: ReadonlySet<SecretId>): Promise<boolean> {
    return this.#folder.read(MACHINE_KEY) !== undefined && this.#store([...named]) > 0;
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

  /** Stores those with known bytes that are not stored yet. */
  #store(ids: readonly SecretId[]): number {
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
   * A changed host key would give every secret a new id. If no stored secret matches its name, a secret of the wrong
   * length shows that the secrets are damaged, not the key.
   */
  #demandFittingKey(): void {
    if (this.#machineKey !== undefined || this.#folder.read(MACHINE_KEY) === undefined) return;
    const kept = this.#kept();
    if (kept.length === 0 || kept.some(({ id, bytes }) => this.#nameOf(bytes) === id)) return;
    this.#machineKey = undefined;
    const cut = kept.find(({ bytes }) => bytes.length !== KEY_BYTES);
    if (cut !== undefined) throw this.#damaged(cut.id, cut.bytes);
    throw damaged(this.#folder.pathOf(MACHINE_KEY), "does not match the stored secrets");
  }

  /** The key for ids: the host's, or one for this process until something is stored. */
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
  return length === 0 ? `is empty instead of ${KEY_BYTES} bytes` : `has ${length} bytes instead of ${KEY_BYTES}`;
}

/** node:crypto is loaded only to create a key: its 8 ms are a tenth of a cold start. */
function newKey(): Uint8Array {
  return process.getBuiltinModule("node:crypto").randomBytes(KEY_BYTES);
}
