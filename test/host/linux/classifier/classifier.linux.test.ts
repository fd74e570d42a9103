import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ClassifierAtom, ClassifierSpec } from "../../../../src/model/program/classifier.ts";
import { waitFor } from "../../../lab/world/command.ts";
import { makeNamespace, type TestNamespace } from "../../../support/netns.ts";
import { ClassifiedNamespace, obstacle, PERL, PRINT_MARK } from "./classified-namespace.ts";

/** Socket options of Linux: SOL_SOCKET 1, SO_MARK 36. The socket is older than what comes on standard input. */
const OLD_SOCKET = `
use Socket;
$| = 1;
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
print unpack("L", getsockopt($s, 1, 36)), "\\n";
my $line = <STDIN>;
send($s, "x", 0, pack_sockaddr_in(9, inet_aton("127.0.0.1"))) or die $!;
print unpack("L", getsockopt($s, 1, 36)), "\\n";
`;

/** The program of a process that `ip netns exec` became. */
function holderOf(pid = 0): string {
  return readlinkSync(`/proc/${pid}/exe`);
}

describe.skipIf(obstacle !== undefined)(`the classifier${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  let place: ClassifiedNamespace;
  let namespace: TestNamespace;
  let folder: string;
  let bpf: string;
  let cgroups: string;

  beforeAll(() => {
    place = new ClassifiedNamespace();
    ({ namespace, folder, bpf, cgroups } = place);
  });
  afterAll(() => place[Symbol.dispose]());

  const order = (spec: ClassifierSpec | null): unknown => place.order(spec);
  const read = (): unknown => place.script({});
  const load = (...atoms: readonly ClassifierAtom[]): void => place.load(...atoms);
  const program = (path: string): string => place.program(path);
  const classIn = (text: string | undefined): number => place.classIn(text);
  const classOf = (...argv: readonly string[]): number => place.classOf(...argv);

  test("a program is known by its file, by a folder at any depth above it, and by its name", () => {
    const file = program("one/exact");
    const below = program("two/deep/er/any");
    const named = program("three/browser");
    const other = program("three/other");
    load({ file, of: "self" }, { folder: join(folder, "two"), of: "self" }, { name: "browser", of: "self" });
    expect([file, below, named, other].map((path) => classOf(path))).toEqual([2, 3, 4, 1]);
  });

  test("what a program starts belongs to it where the condition includes ancestors, and else does not", () => {
    const shell = join(folder, "shell");
    copyFileSync("/bin/sh", shell);
    const child = program("child");
    const through = (): number => classIn(namespace.run([shell, "-c", `${child} -e '${PRINT_MARK}'; true`]).stdout);
    load({ file: shell, of: "self-or-ancestor" });
    expect(through()).toBe(2);
    load({ file: shell, of: "self" });
    expect(through()).toBe(1);
    load({ file: shell, of: "ancestor" });
    expect(through()).toBe(2);
    load({ file: child, of: "ancestor" });
    expect(through()).toBe(1);
  });

  test("a user is known by ranges, which may overlap", () => {
    load(
      { users: [[1000, 1999]] },
      {
        users: [
          [1500, 1500],
          [4_000_000_000, 4_294_967_294],
        ],
      },
    );
    const as = (uid: number) => classOf("setpriv", "--reuid", `${uid}`, "--clear-groups", PERL);
    expect([999, 1000, 1999, 2000, 4_000_000_000].map(as)).toEqual([1, 2, 2, 1, 3]);
  });

  test("a process is known by its control group and the groups above it", () => {
    const group = `awg-test-${process.pid}`;
    const inner = join(cgroups, group, "inner");
    mkdirSync(inner, { recursive: true });
    try {
      load({ cgroup: group });
      const inside = `echo $$ > ${inner}/cgroup.procs; exec ${PERL} -e '${PRINT_MARK}'`;
      expect(classIn(namespace.run(["sh", "-c", inside]).stdout)).toBe(2);
      // Its own namespaces of processes and control groups hide it from the process alone.
      expect(classIn(namespace.run(["sh", "-c", inside.replace("exec", "exec unshare -pfC")]).stdout)).toBe(2);
      expect(classOf(PERL)).toBe(1);
    } finally {
      rmdirSync(inner);
      rmdirSync(join(inner, ".."));
    }
  });

  test("all, any and not combine, and the first final condition hides the later ones", () => {
    const file = program("mix/file");
    const [isFile, isRoot]: ClassifierAtom[] = [{ file, of: "self" }, { users: [[0, 0]] }];
    order({
      atoms: [isFile as ClassifierAtom, isRoot as ClassifierAtom],
      conditions: [{ all: [{ atom: 0 }, { not: { atom: 1 } }] }, { any: [{ atom: 0 }, { atom: 1 }] }, { atom: 1 }],
      final: [1],
      classes: [
        { number: 5, conditions: [0, 1] },
        { number: 6, conditions: [1] },
        { number: 7, conditions: [] },
      ],
    });
    const asUser = ["setpriv", "--reuid", "1234", "--clear-groups"];
    expect([classOf(file), classOf(...asUser, file), classOf(...asUser, PERL)]).toEqual([6, 5, 7]);
  });

  test("a socket that is older than the classifier gets its class when it sends", async () => {
    order(null);
    const file = program("old");
    const child = spawn("ip", ["netns", "exec", namespace.name, file, "-e", OLD_SOCKET]);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect(classIn((await lines.next()).value)).toBe(0);
    load({ file, of: "self" });
    child.stdin.end("go\n");
    expect(classIn((await lines.next()).value)).toBe(2);
  });

  test("a program is known by its place: replaced by a rename, installed later, by a link to it", () => {
    const file = program("upgrade/tool");
    const later = join(folder, "upgrade/later");
    const link = join(folder, "link-to-tool");
    symlinkSync(file, link);
    load({ file: link, of: "self" }, { file: later, of: "self" });
    expect([link, file].map((path) => classOf(path))).toEqual([2, 2]);
    renameSync(program("upgrade.new"), file);
    expect(classOf(file)).toBe(2);
    program("upgrade/later");
    expect(classOf(later)).toBe(3);
    // A hard link is a program at another place.
    linkSync(file, join(folder, "upgrade/hard"));
    expect(classOf(join(folder, "upgrade/hard"))).toBe(1);
  });

  test("a link below a folder is a program of the folder that it leads to", () => {
    const tool = program("shared/tool");
    const link = join(folder, "games/tool");
    mkdirSync(join(folder, "games"));
    symlinkSync(tool, link);
    load({ folder: join(folder, "games"), of: "self" }, { file: link, of: "self" });
    expect(classOf(link)).toBe(3);
  });

  test("replaced again and again while 200 processes of it start, a program always has its class", () => {
    const file = program("busy/tool");
    load({ file, of: "self" });
    const replacing = `while [ ! -e ${folder}/stop ]; do cp ${PERL} ${file}.new; mv ${file}.new ${file}; done`;
    const starting = `for _ in $(seq 200); do ${file} -e '${PRINT_MARK}'; done; touch ${folder}/stop`;
    const { stdout } = namespace.run(["sh", "-c", `(${replacing}) & ${starting}; wait`]);
    const classes = stdout.trim().split("\n").map(classIn);
    expect(classes).toEqual(Array.from({ length: 200 }, () => 2));
  });

  test("a bind-mounted program is known by its file", () => {
    const file = program("bound/source");
    const target = join(folder, "bound/target");
    writeFileSync(target, "");
    expect(spawnSync("mount", ["--bind", file, target]).status).toBe(0);
    try {
      load({ file: target, of: "self" });
      expect(classOf(target)).toBe(2);
      expect(classOf(program("bound/other"))).toBe(1);
    } finally {
      spawnSync("umount", [target]);
    }
  });

  test("what is loaded is read back, with detached hooks and paths that lead elsewhere", () => {
    const file = program("back/tool");
    const spec: ClassifierSpec = {
      atoms: [{ file, of: "self" }, { folder: join(folder, "back"), of: "self" }, { users: [[0, 5]] }],
      conditions: [{ all: [{ atom: 0 }, { not: { atom: 2 } }] }, { atom: 1 }],
      final: [0],
      classes: [{ number: 7, conditions: [1] }],
    };
    expect(order(null)).toBeNull();
    expect(order(spec)).toEqual({ spec, missing: [], replaced: [] });
    renameSync(program("back/new"), file);
    expect(read()).toEqual({ spec, missing: [], replaced: [] });
    rmSync(join(bpf, "awg/sendmsg6"));
    expect(read()).toEqual({ spec, missing: ["sendmsg6"], replaced: [] });
    renameSync(join(folder, "back"), join(folder, "back-was"));
    program("back/tool");
    expect(read()).toMatchObject({ missing: ["sendmsg6"], replaced: [file, join(folder, "back")] });
    expect(order(spec)).toEqual({ spec, missing: [], replaced: [] });
    expect(order(null)).toBeNull();
  });

  test("law 1: a socket that has a number of an earlier classifier loses it before the number means another program", async () => {
    const file = program("held");
    load({ file, of: "self" });
    const script = OLD_SOCKET.replace(/send\(.*$/m, "");
    const child = spawn("ip", ["netns", "exec", namespace.name, file, "-e", script]);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    expect(classIn((await lines.next()).value)).toBe(2);
    // Number 2 stays what it is in a classifier that follows, and becomes another one after a removal.
    load({ file, of: "self" }, { name: "other", of: "self" });
    order(null);
    load({ name: "other", of: "self" });
    child.stdin.end("go\n");
    expect(classIn((await lines.next()).value)).toBe(0);
  });

  test("an open socket gets the number that its program's class has next; one of another program keeps what it has", async () => {
    const file = program("goes-on");
    load({ file, of: "self" });
    const held = OLD_SOCKET.replace(/send\(.*$/m, "");
    const handedOn = `$^F = 99; socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!; $| = 1; print "2\\n";
exec "${PERL}", "-e", 'open(my $s, "<&=", $ARGV[0]); <STDIN>; print unpack("L", getsockopt($s, 1, 36)), "\\n"', fileno($s);`;
    const started = [held, `use Socket; ${handedOn}`].map((script) => {
      const child = spawn("ip", ["netns", "exec", namespace.name, file, "-e", script]);
      return { child, lines: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
    });
    for (const { lines } of started) await lines.next();
    await waitFor("the other program", () => holderOf(started[1]?.child.pid) === PERL || undefined, 10_000, 20);
    order({
      atoms: [
        { name: "none-such", of: "self" },
        { file, of: "self" },
      ],
      conditions: [{ atom: 0 }, { atom: 1 }],
      final: [0, 1],
      classes: [
        { number: 5, conditions: [0] },
        { number: 6, conditions: [1] },
        { number: 7, conditions: [] },
      ],
    });
    const marks: (string | undefined)[] = [];
    for (const { child, lines } of started) {
      child.stdin.end("go\n");
      marks.push((await lines.next()).value);
    }
    expect(marks.map(classIn)).toEqual([6, 2]);
  });

  test("classifiers of namespaces that are gone are removed, and no others", () => {
    const spec: ClassifierSpec = { atoms: [], conditions: [], final: [], classes: [{ number: 1, conditions: [] }] };
    const pins = (cookie: string) => join(bpf, "of-namespaces", cookie);
    const load = (cookie: string, more: object) =>
      namespace.runScript("test/host/linux/classifier/classify.script.ts", {
        folder: pins(cookie),
        cgroup: cgroups,
        ...more,
      });
    const inode = String(statSync(`/run/netns/${namespace.name}`).ino);
    load("1", { spec });
    mkdirSync(pins("3"));
    load("2", { spec, live: [inode] });
    expect([existsSync(pins("1")), existsSync(pins("2"))]).toEqual([true, true]);
    load("2", { spec, live: ["17"] });
    expect([existsSync(pins("1")), existsSync(pins("2")), existsSync(pins("3"))]).toEqual([false, true, true]);
    load("2", { spec: null });
  });

  test("another network namespace is left alone, and a removed classifier gives no class", () => {
    const file = program("elsewhere");
    load({ file, of: "self" });
    const other = makeNamespace("class-other");
    try {
      expect(classIn(other.run([file, "-e", PRINT_MARK]).stdout)).toBe(0);
    } finally {
      other[Symbol.dispose]();
    }
    expect(classOf(file)).toBe(2);
    order(null);
    expect(classOf(file)).toBe(0);
  });
});
