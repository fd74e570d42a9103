// Ends in one of the ways that leave a thread polling; the test sees whether the process really ends.
import { startDataPlane } from "../../../src/dataplane/data-plane.ts";

const way = process.argv[2];
const plane = await startDataPlane();
if (way === "exit") process.exit(7);
if (way === "throw") {
  setImmediate(() => {
    throw new Error("as it was asked to");
  });
}
if (way === "stop") {
  await plane.stop();
  await plane.stop();
  const refusal = await plane.observe().catch((error: Error) => error.message);
  process.stdout.write(String(refusal));
}
