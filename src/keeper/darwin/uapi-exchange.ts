import { connect } from "node:net";

const ANSWER_TIMEOUT_MS = 5000;
const LONGEST_ANSWER_BYTES = 64 * 1024 * 1024;

/** One UAPI exchange, up to the empty line; undefined without a listener, or when it closes without an answer. */
export function exchangeUapi(path: string, request: string | Uint8Array): Promise<string | undefined> {
  return new Promise((answered) => {
    let text = "";
    const socket = connect(path);
    const end = (answer: string | undefined) => {
      socket.destroy();
      answered(answer);
    };
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => end(undefined));
    socket.on("error", () => end(undefined));
    socket.on("close", () => end(undefined));
    socket.on("connect", () => socket.write(request));
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.endsWith("\n\n")) end(text);
      else if (text.length > LONGEST_ANSWER_BYTES) end(undefined);
    });
  });
}
