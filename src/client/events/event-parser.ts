/** Characters of one event. A longer one ends the stream: nothing that awg sends comes near. */
const MAX_EVENT_CHARS = 8 * 1024 * 1024;

/** One event of a stream. */
export interface StreamEvent {
  /** `message` if the stream names none. */
  readonly name: string;
  readonly data: string;
  /** The latest id in the stream so far. */
  readonly id?: string;
}

/**
 * Reads server-sent events (WHATWG HTML section 9.2.6) from bytes that are cut anywhere: inside a character, between CR
 * and LF, within a field. The field `retry` is ignored: a client of awg waits 3 s, whatever the server asks for. Pure.
 */
export class EventParser {
  /** Drops a byte order mark, keeps a character that is cut, and replaces what is no UTF-8. */
  readonly #decoder = new TextDecoder();
  #line: string[] = [];
  #afterReturn = false;
  #chars = 0;
  #name = "";
  #data: string[] = [];
  #id: string | undefined;

  /**
   * Takes the next bytes and gives the events that they complete.
   *
   * @throws RangeError for an event that is too long
   */
  push(bytes: Uint8Array): readonly StreamEvent[] {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (text === "") return [];
    const events: StreamEvent[] = [];
    const lineEnd = /\r\n|\r|\n/g;
    let from = this.#afterReturn && text.startsWith("\n") ? 1 : 0;
    this.#afterReturn = text.endsWith("\r");
    lineEnd.lastIndex = from;
    for (let end = lineEnd.exec(text); end !== null; end = lineEnd.exec(text)) {
      this.#keep(text.slice(from, end.index));
      from = lineEnd.lastIndex;
      const line = this.#line.join("");
      this.#line = [];
      const event = this.#take(line);
      if (event !== undefined) events.push(event);
    }
    this.#keep(text.slice(from));
    return events;
  }

  #keep(part: string): void {
    if (part === "") return;
    this.#chars += part.length;
    if (this.#chars > MAX_EVENT_CHARS) throw new RangeError("an event of the stream is too long");
    this.#line.push(part);
  }

  #take(line: string): StreamEvent | undefined {
    if (line === "") return this.#complete();
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#name = value;
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (this.#data.length === 0) this.#chars = 0;
    return undefined;
  }

  #complete(): StreamEvent | undefined {
    const [name, data] = [this.#name === "" ? "message" : this.#name, this.#data];
    this.#name = "";
    this.#data = [];
    this.#chars = 0;
    if (data.length === 0) return undefined;
    return { name, data: data.join("\n"), ...(this.#id === undefined ? {} : { id: this.#id }) };
  }
}
