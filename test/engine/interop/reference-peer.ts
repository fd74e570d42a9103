import type { SeededSources } from "../support/sources.ts";
import { agree, extended, hash, kdf, mac, nonceOf, open, type Pair, pairOf, seal } from "./reference-crypto.ts";
import { COOKIE, Disguise, type Format, INITIATION, type Kind, RESPONSE, TRANSPORT } from "./reference-format.ts";

const CHAIN = hash(Buffer.from("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s"));
const PROLOGUE = hash(CHAIN, Buffer.from("WireGuard v1 zx2c4 Jason@zx2c4.com"));
const NOTHING: Buffer = Buffer.alloc(0);
const NO_MAC: Buffer = Buffer.alloc(16);
const FIRST = nonceOf(0n);
const TAI_OFFSET = 2n ** 62n + 10n;
const MTU = 1376;
/** The address on a test's link never changes, and so its cookie does not. */
const COOKIE_OF_LINK = Buffer.alloc(16, 7);

interface Session {
  readonly send: Buffer;
  readonly receive: Buffer;
  readonly theirs: Buffer;
  readonly isInitiator: boolean;
  readonly seen: Set<bigint>;
  counter: bigint;
}

interface Begun {
  readonly ephemeral: Pair;
  readonly chain: Buffer;
  readonly hash: Buffer;
  readonly index: Buffer;
}

/**
 * One end of a tunnel that shares no line with the engine: written from the WireGuard paper and the recorded facts about
 * AmneziaWG, and reading as the released programs read. It has no timers: tests say when it begins a handshake.
 */
export class ReferencePeer {
  readonly publicKey: Buffer;
  /** Inner packets that came, without what pads them. */
  readonly came: Buffer[] = [];
  readonly counts = { handshakes: 0, badMacs: 0, unread: 0, cookies: 0, proven: 0, keepalives: 0 };
  /** It answers handshakes of who did not prove its address by mac2 with a cookie. */
  isUnderLoad = false;
  wallSeconds = 1_790_000_000;
  readonly #own: Pair;
  readonly #remote: Buffer;
  readonly #presharedKey: Buffer;
  readonly #disguise: Disguise;
  readonly #sessions = new Map<string, Session>();
  readonly #queue: Buffer[] = [];
  #current: Session | undefined;
  #begun: Begun | undefined;
  #cookie: Buffer | undefined;
  #lastMac: Buffer = NO_MAC;
  #latest = NOTHING;

  constructor(
    privateKey: Uint8Array,
    remote: Uint8Array,
    presharedKey: Uint8Array,
    format: Format,
    random: SeededSources,
  ) {
    this.#own = pairOf(privateKey);
    this.publicKey = this.#own.publicKey;
    this.#remote = Buffer.from(remote);
    this.#presharedKey = Buffer.from(presharedKey);
    this.#disguise = new Disguise(format, random);
  }

  /** Junk and an initiation. */
  initiate(): Buffer[] {
    const ephemeral = pairOf(this.#disguise.bytes(32));
    const index = this.#disguise.bytes(4);
    let [chain = NOTHING] = kdf(1, CHAIN, ephemeral.publicKey);
    let key = NOTHING;
    let digest = hash(hash(PROLOGUE, this.#remote), ephemeral.publicKey);
    [chain = NOTHING, key = NOTHING] = kdf(2, chain, agree(ephemeral, this.#remote));
    const sealedKey = seal(key, FIRST, this.publicKey, digest);
    digest = hash(digest, sealedKey);
    [chain = NOTHING, key = NOTHING] = kdf(2, chain, agree(this.#own, this.#remote));
    const sealedTime = seal(key, FIRST, this.#time(), digest);
    digest = hash(digest, sealedTime);
    this.#begun = { ephemeral, chain, hash: digest, index };
    const fields = [index, ephemeral.publicKey, sealedKey, sealedTime];
    return [...this.#disguise.junk(), this.#finished(INITIATION, fields)];
  }

  /** An inner packet, sealed, or kept until there is a session. */
  send(packet: Uint8Array): Buffer[] {
    if (this.#current !== undefined) return [this.#sealed(this.#current, Buffer.from(packet))];
    this.#queue.push(Buffer.from(packet));
    return this.initiate();
  }

  /** What it answers to a datagram. */
  receive(datagram: Uint8Array): Buffer[] {
    const reading = this.#disguise.read(datagram);
    if (reading === undefined) {
      this.counts.unread += 1;
      return [];
    }
    const { kind, message } = reading;
    if (kind === TRANSPORT) return this.#takeData(message);
    if (kind === COOKIE) return this.#takeCookie(message);
    const proof = mac(hash(Buffer.from("mac1----"), this.publicKey), message.subarray(0, -32));
    if (!proof.equals(message.subarray(-32, -16))) {
      this.counts.badMacs += 1;
      return [];
    }
    if (this.isUnderLoad && !this.#isProven(message)) return [this.#cookieReply(message)];
    return kind === INITIATION ? this.#takeInitiation(message) : this.#takeResponse(message);
  }

  #takeInitiation(message: Buffer): Buffer[] {
    const theirs = message.subarray(8, 40);
    let [chain = NOTHING] = kdf(1, CHAIN, theirs);
    let key = NOTHING;
    let digest = hash(hash(PROLOGUE, this.publicKey), theirs);
    [chain = NOTHING, key = NOTHING] = kdf(2, chain, agree(this.#own, theirs));
    const who = open(key, FIRST, message.subarray(40, 88), digest);
    if (who === undefined || !who.equals(this.#remote)) return [];
    digest = hash(digest, message.subarray(40, 88));
    [chain = NOTHING, key = NOTHING] = kdf(2, chain, agree(this.#own, this.#remote));
    const when = open(key, FIRST, message.subarray(88, 116), digest);
    if (when === undefined || Buffer.compare(when, this.#latest) <= 0) return [];
    this.#latest = when;
    return [this.#response(theirs, message.subarray(4, 8), chain, hash(digest, message.subarray(88, 116)))];
  }

  #response(theirs: Buffer, theirIndex: Buffer, chainBefore: Buffer, digestBefore: Buffer): Buffer {
    const ephemeral = pairOf(this.#disguise.bytes(32));
    const index = this.#disguise.bytes(4);
    let chain = chainBefore;
    for (const input of [ephemeral.publicKey, agree(ephemeral, theirs), agree(ephemeral, this.#remote)])
      [chain = NOTHING] = kdf(1, chain, input);
    const [last = NOTHING, tau = NOTHING, key = NOTHING] = kdf(3, chain, this.#presharedKey);
    const digest = hash(hash(digestBefore, ephemeral.publicKey), tau);
    const [receive = NOTHING, send = NOTHING] = kdf(2, last, NOTHING);
    const theirsCopy = Buffer.from(theirIndex);
    this.#open(index, { send, receive, theirs: theirsCopy, isInitiator: false, seen: new Set(), counter: 0n });
    return this.#finished(RESPONSE, [index, theirIndex, ephemeral.publicKey, seal(key, FIRST, NOTHING, digest)]);
  }

  #takeResponse(message: Buffer): Buffer[] {
    const begun = this.#begun;
    if (begun === undefined || !message.subarray(8, 12).equals(begun.index)) return [];
    const theirs = message.subarray(12, 44);
    let { chain } = begun;
    for (const input of [theirs, agree(begun.ephemeral, theirs), agree(this.#own, theirs)])
      [chain = NOTHING] = kdf(1, chain, input);
    const [last = NOTHING, tau = NOTHING, key = NOTHING] = kdf(3, chain, this.#presharedKey);
    const digest = hash(hash(begun.hash, theirs), tau);
    if (open(key, FIRST, message.subarray(44, 60), digest) === undefined) return [];
    this.#begun = undefined;
    const [send = NOTHING, receive = NOTHING] = kdf(2, last, NOTHING);
    const theirIndex = Buffer.from(message.subarray(4, 8));
    const session = { send, receive, theirs: theirIndex, isInitiator: true, seen: new Set<bigint>(), counter: 0n };
    this.#open(begun.index, session);
    this.#current = session;
    return this.#flushed(session);
  }

  #open(index: Buffer, session: Session): void {
    this.counts.handshakes += 1;
    this.#sessions.set(index.toString("hex"), session);
  }

  /** What waited, or a keepalive that confirms the session. */
  #flushed(session: Session): Buffer[] {
    const waiting = this.#queue.splice(0);
    return (waiting.length === 0 ? [NOTHING] : waiting).map((packet) => this.#sealed(session, packet));
  }

  #sealed(session: Session, packet: Buffer): Buffer {
    const padded = Buffer.concat([packet, Buffer.alloc(this.#disguise.contentPadding(packet.length, MTU))]);
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64LE(session.counter);
    const sealed = seal(session.send, nonceOf(session.counter), padded, NOTHING);
    session.counter += 1n;
    const header = [this.#disguise.word(TRANSPORT), session.theirs, counter];
    return this.#disguise.wrap(TRANSPORT, Buffer.concat([...header, sealed]));
  }

  #takeData(message: Buffer): Buffer[] {
    const session = this.#sessions.get(message.subarray(4, 8).toString("hex"));
    const counter = message.readBigUInt64LE(8);
    if (session === undefined || session.seen.has(counter)) return [];
    const plain = open(session.receive, nonceOf(counter), message.subarray(16), NOTHING);
    if (plain === undefined) return [];
    session.seen.add(counter);
    const isNew = !session.isInitiator && session.counter === 0n && this.#current !== session;
    if (isNew) this.#current = session;
    if (plain.length === 0 || plain[0] === 0) this.counts.keepalives += 1;
    else this.came.push(plain.subarray(0, plain.readUInt16BE(2)));
    return isNew && this.#queue.length > 0 ? this.#flushed(session) : [];
  }

  #finished(kind: Kind, fields: readonly Buffer[]): Buffer {
    const message = Buffer.concat([this.#disguise.word(kind), ...fields]);
    this.#lastMac = mac(hash(Buffer.from("mac1----"), this.#remote), message);
    const second = this.#cookie === undefined ? NO_MAC : mac(this.#cookie, message, this.#lastMac);
    return this.#disguise.wrap(kind, Buffer.concat([message, this.#lastMac, second]));
  }

  #isProven(message: Buffer): boolean {
    const proof = mac(COOKIE_OF_LINK, message.subarray(0, -32), message.subarray(-32, -16));
    if (!proof.equals(message.subarray(-16))) return false;
    this.counts.proven += 1;
    return true;
  }

  #cookieReply(message: Buffer): Buffer {
    const nonce = this.#disguise.bytes(24);
    const [key, short] = extended(hash(Buffer.from("cookie--"), this.publicKey), nonce);
    const sealed = seal(key, short, COOKIE_OF_LINK, message.subarray(-32, -16));
    return this.#disguise.wrap(
      COOKIE,
      Buffer.concat([this.#disguise.word(COOKIE), message.subarray(4, 8), nonce, sealed]),
    );
  }

  #takeCookie(message: Buffer): Buffer[] {
    const [key, short] = extended(hash(Buffer.from("cookie--"), this.#remote), message.subarray(8, 32));
    const cookie = open(key, short, message.subarray(32, 64), this.#lastMac);
    if (cookie !== undefined) {
      this.#cookie = cookie;
      this.counts.cookies += 1;
    }
    return [];
  }

  #time(): Buffer {
    const time = Buffer.alloc(12);
    time.writeBigUInt64BE(TAI_OFFSET + BigInt(Math.floor(this.wallSeconds)));
    this.wallSeconds += 1;
    return time;
  }
}
