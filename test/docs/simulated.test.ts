import { test } from "vitest";
import { typePage } from "./typed-page.ts";

test("docs/tutorial/simulated-host.md typed word for word", { timeout: 290_000 }, () => {
  typePage("docs/tutorial/simulated-host.md");
});
