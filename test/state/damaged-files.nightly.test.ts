import { expect, test } from "vitest";
import { damageEverywhere, fullFolder } from "./damaged-files.ts";

test("B5: cut at every byte, and every bit of every byte changed", async () => {
  const { folder, files } = await fullFolder();
  for (const file of files) {
    const seen = await damageEverywhere(folder, file, () => [0, 1, 2, 3, 4, 5, 6, 7]);
    process.stdout.write(`${file.name}: ${JSON.stringify(seen)}\n`);
    expect(seen["flip: good"]).toBeUndefined();
  }
});
