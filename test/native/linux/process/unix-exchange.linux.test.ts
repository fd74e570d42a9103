import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { AwgError } from "../../../../src/model/error.ts";
import { askOverUnixSocket } from "../../../../src/native/linux/process/unix-exchange.ffi.ts";

test("a question that is never answered is waited for as long as its asker says, whatever others took before it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "awg-mute-"));
  const path = join(folder, "mute.sock");
  const mute = createServer();
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  try {
    const exchange = { path, request: Uint8Array.of(1), terminator: Uint8Array.of(10), maxAnswerBytes: 64 };
    using asked = askOverUnixSocket({ ...exchange, timeoutMs: 3_600_000 });
    // With its own hour this would not end.
    let thrown: unknown;
    try {
      asked.receive(10);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(AwgError);
    expect((thrown as AwgError).facts["errno"]).toBe("ETIMEDOUT");
  } finally {
    mute.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
