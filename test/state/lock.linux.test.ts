import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { AwgError } from "../../src/model/error.ts";
import { takeLock } from "../../src/state/lock.ts";
import { lockHolder } from "../../src/state/lock-holder.ts";
import { waitFor } from "../lab/world/command.ts";
import { temporaryFolder } from "../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../support/netns.ts";

const HOLDER = { pid: process.pid, verb: "apply", sinceMs: 1_795_000_000_000 };

function refusal(path: string): AwgError {
  try {
    takeLock(path, HOLDER)[Symbol.dispose]();
  } catch (error) {
    if (error instanceof AwgError) return error;
    throw error;
  }
  return expect.unreachable("the lock was free");
}

/** Another process that takes the lock, says so, and waits to be killed. */
function holdElsewhere(path: string): ReturnType<typeof spawn> {
  const module = new URL("../../src/state/lock.ts", import.meta.url).href;
  const script = `import { takeLock } from ${JSON.stringify(module)};
    const lock = takeLock(process.argv[1], { pid: process.pid, verb: "destroy", sinceMs: 1 });
    console.log("held"); setInterval(() => lock, 1000);`;
  return runElsewhere(script, path);
}

function runElsewhere(script: string, path: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, ["--input-type=module", "-e", script, path], { stdio: ["ignore", "pipe", "inherit"] });
}

describe.skipIf(process.platform !== "linux")("the lock (flock is reached through Linux's libc)", () => {
  test("is held by one process at a time; the other learns which", () => {
    const path = join(temporaryFolder(), "run", "lock");
    {
      using _lock = takeLock(path, HOLDER);
      expect(refusal(path)).toMatchObject({
        kind: "locked",
        retryable: true,
        message: expect.stringContaining(`awg apply (process ${process.pid})`),
      });
    }
    takeLock(path, HOLDER)[Symbol.dispose]();
    expect(readFileSync(path, "utf8")).toBe("");
  });

  test("a stopped holder is reported as stopped, with the commands that continue or end it", async () => {
    const path = join(temporaryFolder(), "lock");
    const other = holdElsewhere(path);
    const pid = other.pid ?? 0;
    try {
      if (other.stdout === null) return expect.unreachable();
      await once(other.stdout, "data");
      expect(lockHolder(path)).toEqual(expect.not.objectContaining({ isStopped: true }));
      other.kill("SIGSTOP");
      await waitFor("the signal", () => lockHolder(path)?.isStopped === true);
      expect(refusal(path)).toMatchObject({
        kind: "locked",
        message: `awg destroy (process ${pid}) is changing this host, and a signal stopped it (SIGSTOP, Ctrl-Z)`,
        remedy: expect.stringMatching(new RegExp(`kill -CONT ${pid}.*kill -KILL ${pid}.*awg revert`)),
      });
    } finally {
      other.kill("SIGKILL");
    }
  });

  test("B6: waits for a holder that has not written its record yet", async () => {
    const path = join(temporaryFolder(), "lock");
    // The first lock of a process takes the time to load what calls libc.
    takeLock(`${path}.first`, HOLDER)[Symbol.dispose]();
    const record = JSON.stringify({ ...HOLDER, verb: "destroy" });
    const other = runElsewhere(
      `import { existsSync, openSync, writeFileSync } from "node:fs";
      import { tryLockFile } from ${JSON.stringify(new URL("../../src/native/linux/process/file-lock.ffi.ts", import.meta.url).href)};
      tryLockFile(openSync(process.argv[1], "a", 0o600));
      console.log("held");
      const looking = setInterval(() => {
        if (!existsSync(process.argv[1] + ".asked")) return;
        clearInterval(looking);
        setTimeout(() => writeFileSync(process.argv[1], ${JSON.stringify(record)}), 100);
      }, 1);
      setInterval(() => {}, 1000);`,
      path,
    );
    try {
      if (other.stdout === null) return expect.unreachable();
      await once(other.stdout, "data");
      writeFileSync(`${path}.asked`, "");
      expect(refusal(path).message).toContain(`awg destroy (process ${HOLDER.pid})`);
    } finally {
      other.kill("SIGKILL");
      await once(other, "exit");
    }
  });

  test("B6: after its lock file was removed, a waiter takes the new one or learns who holds it", async () => {
    const path = join(temporaryFolder(), "lock");
    takeLock(`${path}.first`, HOLDER)[Symbol.dispose]();
    const other = runElsewhere(
      `import { closeSync, existsSync, openSync, renameSync } from "node:fs";
      import { tryLockFile } from ${JSON.stringify(new URL("../../src/native/linux/process/file-lock.ffi.ts", import.meta.url).href)};
      import { takeLock } from ${JSON.stringify(new URL("../../src/state/lock.ts", import.meta.url).href)};
      const path = process.argv[1];
      const nameless = openSync(path, "a", 0o600);
      tryLockFile(nameless);
      console.log("held");
      const looking = setInterval(() => {
        if (!existsSync(path + ".asked")) return;
        clearInterval(looking);
        setTimeout(() => {
          globalThis.lock = takeLock(path + ".next", { pid: process.pid, verb: "destroy", sinceMs: 1 });
          renameSync(path + ".next", path);
          closeSync(nameless);
        }, 100);
      }, 1);
      setInterval(() => {}, 1000);`,
      path,
    );
    try {
      if (other.stdout === null) return expect.unreachable();
      await once(other.stdout, "data");
      writeFileSync(`${path}.asked`, "");
      expect(refusal(path).message).toContain(`awg destroy (process ${other.pid})`);
    } finally {
      other.kill("SIGKILL");
      await once(other, "exit");
    }
  });

  test("an invalid holder record is not quoted", () => {
    const path = join(temporaryFolder(), "run", "lock");
    using _lock = takeLock(path, HOLDER);
    writeFileSync(path, JSON.stringify({ pid: 1, verb: "\u001b[2J<evil>", sinceMs: 1 }));
    expect(refusal(path).message).toMatch(/^another awg/);
  });

  test("works in a system folder like macOS's /var/run (0775), and stays private there", () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o775);
    const path = join(folder, "awg.lock");
    {
      using _lock = takeLock(path, HOLDER);
      expect(refusal(path).kind).toBe("locked");
    }
    chmodSync(path, 0o660);
    expect(refusal(path)).toMatchObject({
      kind: "permission",
      message: expect.stringContaining("not exclusively awg's"),
    });
  });

  test("is refused in a world-writable folder", () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o1777);
    expect(refusal(join(folder, "awg.lock"))).toMatchObject({ kind: "journal" });
    expect(existsSync(join(folder, "awg.lock"))).toBe(false);
  });

  test("law 5: the lock of a killed process is free again", async () => {
    const path = join(temporaryFolder(), "run", "lock");
    const other = holdElsewhere(path);
    try {
      if (other.stdout === null) return expect.unreachable();
      await once(other.stdout, "data");
      expect(refusal(path).message).toContain(`awg destroy (process ${other.pid})`);
    } finally {
      other.kill("SIGKILL");
      await once(other, "exit");
    }
    takeLock(path, HOLDER)[Symbol.dispose]();
  });
});

const obstacle = namespaceObstacle() ?? commandObstacle("unshare");
const NAMESPACE_LOCK = new URL("../../src/state/namespace-lock.ts", import.meta.url).href;
const EXCHANGE = new URL("../../src/native/linux/process/unix-exchange.ffi.ts", import.meta.url).href;
/** Takes the lock twice in one network namespace, its file and folder removed in between, and prints what the second was told. */
const TWICE = `
  import { rmSync } from "node:fs";
  import { dirname } from "node:path";
  import { namespaceLock } from "${NAMESPACE_LOCK}";
  const lock = namespaceLock(process.argv[1]);
  const one = { pid: process.pid, verb: "apply", sinceMs: 1 };
  const first = lock.take(one);
  rmSync(dirname(process.argv[1]), { recursive: true });
  // Each who asks stays in the queue.
  for (let asked = 0; asked < 40; asked += 1) if (lock.holder()?.pid !== process.pid) console.log("nobody", asked);
  try { lock.take(one)[Symbol.dispose](); console.log("taken"); } catch ({ kind, message }) { console.log(kind, message === \`another awg (process \${process.pid}) is changing this host now\`); }
  console.log(lock.holder().pid === process.pid);
  first[Symbol.dispose]();
  console.log(lock.holder() === undefined);
  lock.take(one)[Symbol.dispose]();`;
/** Takes the lock's name as another user, and stays. */
const SQUATTER = `
  import { listenOnUnixSocket } from "${EXCHANGE}";
  process.setuid(65534);
  listenOnUnixSocket("\\0awg/lock");
  console.log(process.geteuid());
  setInterval(() => {}, 1000);`;

describe.skipIf(obstacle !== undefined)(`the lock of a network namespace (${obstacle ?? "on this kernel"})`, () => {
  const inNamespace = (script: string, path: string): string =>
    spawnSync("unshare", ["--net", process.execPath, "--input-type=module", "-e", script, path], {
      encoding: "utf8",
      timeout: 30_000,
    }).stdout;

  test("B6: a lock with a removed file is not held twice", () => {
    expect(inNamespace(TWICE, join(temporaryFolder(), "run", "lock"))).toBe("locked true\ntrue\ntrue\n");
  });

  test("another user who takes its name blocks no one", () => {
    const script = `
      import { spawn } from "node:child_process";
      import { once } from "node:events";
      import { namespaceLock } from "${NAMESPACE_LOCK}";
      const words = ["--input-type=module", "-e", ${JSON.stringify(SQUATTER)}];
      const squatter = spawn(process.execPath, words, { stdio: ["ignore", "pipe", "inherit"] });
      const [uid] = await once(squatter.stdout, "data");
      const lock = namespaceLock(process.argv[1]);
      const held = lock.take({ pid: process.pid, verb: "apply", sinceMs: 1 });
      console.log(Number(uid), lock.holder().pid === process.pid);
      held[Symbol.dispose]();
      console.log(lock.holder() === undefined);
      squatter.kill("SIGKILL");`;
    expect(inNamespace(script, join(temporaryFolder(), "run", "lock"))).toBe("65534 true\ntrue\n");
  });
});
