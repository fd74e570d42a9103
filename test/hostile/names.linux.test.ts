import { rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { ROOT } from "../repository/sources.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../support/netns.ts";
import { HOSTILE_STRINGS } from "./hostile-strings.ts";

const reason = namespaceObstacle() ?? commandObstacle("nft", "ip");

let space: TestNamespace;
let folder = "";
let inode = 0;
const at = (name: string): string => join(folder, name);

function awg(...args: readonly string[]) {
  const program = [process.execPath, "--disable-warning=ExperimentalWarning", join(ROOT, "src/cli/awg.ts")];
  return space.run([...program, ...args, "--state-dir", at("state")], { mayFail: true });
}

/** One rule for every name that the loader takes. */
function configText(): { readonly text: string; readonly names: readonly string[] } {
  const names = HOSTILE_STRINGS.filter(
    (name) => loadConfig([{ name: "a.json", text: textOf([name]) }]).config !== undefined,
  );
  return { text: textOf(names), names };
}

function textOf(names: readonly string[]): string {
  const rules = names.map((name, index) => ({
    name,
    destinations: [`10.${index >> 8}.${index & 255}.0/24`],
    via: "block",
  }));
  return JSON.stringify({ apiVersion: "awg/v1", rules, default: { via: "direct" }, killSwitch: { enabled: true } });
}

describe.skipIf(reason !== undefined)(
  `hostile names in the kernel${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    beforeEach(() => {
      space = makeNamespace("names");
      inode = statSync(`/run/netns/${space.name}`).ino;
      folder = temporaryFolder("names");
    });
    afterEach(() => {
      awg("destroy", "--auto-approve");
      for (const pid of space.run(["ip", "netns", "pids", space.name]).stdout.split("\n").filter(Boolean)) {
        try {
          process.kill(Number(pid), "SIGKILL");
        } catch {
          // It has ended by itself.
        }
      }
      space[Symbol.dispose]();
      for (const left of [`netns-${inode}`, `lock.${inode}`])
        rmSync(`/run/awg/${left}`, { recursive: true, force: true });
    });

    test("D1: every name is in its rule's comment without what could end it, and what is read back is what was applied", {
      timeout: 240_000,
    }, () => {
      const { text, names } = configText();
      expect(names.length).toBeGreaterThan(250);
      writeFileSync(at("config.json"), text);
      const { status, stderr } = awg("apply", "-f", at("config.json"), "--auto-approve", "--json");
      expect([status, stderr]).toEqual([0, expect.any(String)]);
      const again = awg("diff", "-f", at("config.json"));
      expect([again.status, again.stdout]).toEqual([0, ""]);
      const printed = space.run(["nft", "list", "table", "inet", "awg"]).stdout;
      const comments = new Set(printed.split("\n").map((line) => / comment "([^"]*)"$/.exec(line)?.[1]));
      const shown = (name: string): string => name.replaceAll(/[^\x20-\x7e]|["\\]/g, "?");
      const missing = names.filter((name, index) => !comments.has(`S4.4 rules/${index} (${shown(name)})`));
      expect(missing).toEqual([]);
      // What nft prints is a script for nft: a name that broke out of its quotes would be a command there.
      writeFileSync(at("printed.nft"), printed.replace(/^\tflags .*$/m, ""));
      const checked = space.run(["nft", "--check", "--file", at("printed.nft")], { mayFail: true });
      expect(checked.stderr).not.toContain("syntax error");
    });
  },
);
