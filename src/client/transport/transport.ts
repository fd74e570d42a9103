/** How a client reaches awg. It rejects when awg does not answer, and when the signal is aborted. */
export interface Transport {
  /** One request and its whole answer. */
  request(request: TransportRequest): Promise<TransportAnswer>;
  /** A request with an answer that goes on; it resolves when the answer ended. */
  stream(request: StreamRequest): Promise<void>;
}

export interface TransportRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

export interface TransportAnswer {
  readonly status: number;
  readonly text: string;
}

export interface StreamRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Gets the head of the answer, before its bytes. */
  readonly onHead: (head: { readonly status: number; readonly type: string }) => void;
  readonly onBytes: (bytes: Uint8Array) => void;
}

/** Bytes of an answer that is no stream. */
export const MAX_ANSWER_BYTES = 32 * 1024 * 1024;

/** Puts the parts of an answer together. */
export class AnswerText {
  readonly #decoder = new TextDecoder();
  readonly #parts: string[] = [];
  #bytes = 0;

  /** @throws RangeError when the answer is too long */
  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_ANSWER_BYTES) throw new RangeError("the answer is too long");
    this.#parts.push(this.#decoder.decode(bytes, { stream: true }));
  }

  get text(): string {
    return this.#parts.join("") + this.#decoder.decode();
  }
}
