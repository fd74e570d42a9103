interface ModelPeer {
  readonly birth: number;
  fields: Map<string, string>;
}

/** An engine as the cross-platform protocol describes it, written from wireguard-go's device/uapi.go, line by line. */
export class EngineModel {
  readonly #device = new Map<string, string>();
  readonly #peers = new Map<string, ModelPeer>();
  /** Which peer each prefix leads to: a prefix given to one peer is taken from another. */
  readonly #owners = new Map<string, string>();
  #births = 0;

  /** When the peer was made; it changes when a peer is removed and made again, which loses its session. */
  birthOf(publicKeyBase64: string): number | undefined {
    return this.#peers.get(Buffer.from(publicKeyBase64, "base64").toString("hex"))?.birth;
  }

  set(text: string): void {
    if (text === "") return;
    let current: string | undefined;
    let skip = false;
    for (const line of text.trimEnd().split("\n").slice(1)) {
      const [key = "", value = ""] = [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)];
      if (key === "public_key") {
        current = value;
        skip = false;
      } else if (current === undefined) this.#setDevice(key, value);
      else if (key === "update_only") skip = !this.#peers.has(current);
      else if (!skip) this.#setPeer(current, key, value);
      if (key === "public_key" && !text.includes(`public_key=${value}\nupdate_only`)) this.#make(value);
    }
  }

  get(): string {
    const lines = [...this.#device].map(([key, value]) => `${key}=${value}`);
    for (const [key, { fields }] of this.#peers) {
      lines.push(`public_key=${key}`, ...[...fields].map(([name, value]) => `${name}=${value}`));
      for (const [prefix, owner] of this.#owners) if (owner === key) lines.push(`allowed_ip=${prefix}`);
    }
    return `${[...lines, "errno=0"].join("\n")}\n\n`;
  }

  #setDevice(key: string, value: string): void {
    if (key !== "replace_peers") this.#device.set(key, value);
    else for (const peer of [...this.#peers.keys()]) this.#remove(peer);
  }

  #setPeer(peer: string, key: string, value: string): void {
    if (key === "remove") this.#remove(peer);
    else if (key === "replace_allowed_ips") this.#forgetPrefixes(peer);
    else if (key === "allowed_ip") this.#owners.set(value, peer);
    else this.#peers.get(peer)?.fields.set(key, value);
  }

  #make(peer: string): void {
    if (this.#peers.has(peer)) return;
    this.#births += 1;
    this.#peers.set(peer, { birth: this.#births, fields: new Map() });
  }

  #remove(peer: string): void {
    this.#peers.delete(peer);
    this.#forgetPrefixes(peer);
  }

  #forgetPrefixes(peer: string): void {
    for (const [prefix, owner] of [...this.#owners]) if (owner === peer) this.#owners.delete(prefix);
  }
}
