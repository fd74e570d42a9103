import { createPrivateKey, createPublicKey } from "node:crypto";
import { expect, test } from "vitest";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";

const machine = useSimulatedBench();

/** The public key of the bench's private key, by Node alone. */
const OWN = createPublicKey(
  createPrivateKey({
    key: Buffer.concat([Buffer.from("302e020100300506032b656e04220420", "hex"), Buffer.alloc(32, 7)]),
    format: "der",
    type: "pkcs8",
  }),
)
  .export({ format: "der", type: "spki" })
  .subarray(-32)
  .toString("base64");

test("a peer that has its own tunnel's public key is refused, with the place and what to write", async () => {
  const bench = machine();
  const text = bench.config({ office: {} }).replace(/publicKey: \S+/, `publicKey: ${OWN}`);
  await expect(bench.plan(text)).rejects.toMatchObject({
    kind: "config",
    message: expect.stringMatching(
      /^awg\.yaml:5:17: tunnels\.office\.peers\[0\]\.publicKey is the public key of the tunnel's own/,
    ),
    remedy: expect.stringContaining("write the peer's public key"),
  });
});

test("another tunnel of this host may be the peer", async () => {
  const bench = machine();
  await expect(bench.plan(bench.config({ office: {} }))).resolves.toMatchObject({ verb: "apply" });
});
