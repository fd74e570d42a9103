import { spawn, spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ProcFolder } from "../../../../src/host/linux/processes/proc-folder.ts";
import type { ClassifierAtom } from "../../../../src/model/program/classifier.ts";
import { waitFor } from "../../../lab/world/command.ts";
import { ClassifiedNamespace, obstacle, PERL, PRINT_MARK } from "./classified-namespace.ts";

const self = <T extends object>(question: T) => ({ ...question, of: "self" }) as const;

describe.skipIf(obstacle !== undefined)(`patterns of programs${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  let place: ClassifiedNamespace;
  beforeAll(() => {
    place = new ClassifiedNamespace();
  });
  afterAll(() => place[Symbol.dispose]());

  const classesOf = (files: readonly string[]): number[] => files.map((file) => place.classOf(file));

  test("a glob, a part and a regular expression match the whole path, from the first socket on", () => {
    const paths = ["g/a/bin/tool", "g/a/b/bin/tool", "g/bin/tools", "x-torrent/run", "v/app-12/go", "v/app-x/go"];
    const files = paths.map((path) => place.program(path));
    place.load(
      self({ glob: `${place.folder}/g/*/bin/tool` }),
      self({ glob: `${place.folder}/g/**/tool` }),
      self({ contains: "torrent" }),
      self({ regex: "/app-\\d+/[^/]+$" }),
    );
    expect(classesOf(files)).toEqual([2, 3, 1, 4, 5, 1]);
  });

  test("a program that is installed later, and one that is renamed under load, match at once", () => {
    place.load(self({ glob: `${place.folder}/late/*/tool` }));
    const late = place.program("late/1.0/tool");
    expect(place.classOf(late)).toBe(2);
    const replace = `cp ${PERL} ${late}.new; mv ${late}.new ${late}`;
    const starting = `for _ in $(seq 40); do ${late} -e '${PRINT_MARK}'; ${replace}; done`;
    const marks = place.namespace.run(["sh", "-c", starting]).stdout.trim().split("\n");
    expect(new Set(marks.map((mark) => place.classIn(mark)))).toEqual(new Set([2]));
    expect(marks).toHaveLength(40);
    renameSync(join(place.folder, "late"), join(place.folder, "moved"));
    expect(place.classOf(join(place.folder, "moved/1.0/tool"))).toBe(1);
  });

  test("what a program starts belongs to it by a pattern too", () => {
    const shell = join(place.folder, "wrap-shell");
    copyFileSync("/bin/sh", shell);
    const child = place.program("inner/child");
    const through = (): number =>
      place.classIn(place.namespace.run([shell, "-c", `${child} -e '${PRINT_MARK}'; true`]).stdout);
    place.load({ contains: "wrap-sh", of: "self-or-ancestor" });
    expect(through()).toBe(2);
    place.load({ contains: "wrap-sh", of: "self" });
    expect(through()).toBe(1);
  });

  test("a script is known by the command line of its interpreter", () => {
    const program = place.program("interpreter");
    place.load({ commandLine: " --profile=(work|home)( |$)" });
    const withArguments = (...more: readonly string[]): number =>
      place.classIn(place.namespace.run([program, "-e", PRINT_MARK, "--", ...more]).stdout);
    expect(
      [["--profile=work"], ["--profile=home", "x"], ["--profile=works"], []].map((more) => withArguments(...more)),
    ).toEqual([2, 2, 1, 1]);
    expect(withArguments("y".repeat(5000), "--profile=work")).toBe(1);
  });

  test("a file system that is mounted in a folder belongs to it; a user's own mounts count for nothing", () => {
    const mounted = join(place.folder, "snap/app/7");
    mkdirSync(mounted, { recursive: true });
    expect(spawnSync("mount", ["-t", "tmpfs", "none", mounted]).status).toBe(0);
    try {
      const file = place.program("snap/app/7/bin/run");
      place.load(self({ folder: join(place.folder, "snap/app") }), self({ glob: `${place.folder}/snap/**` }));
      expect(place.classOf(file)).toBe(2);
      place.load(self({ glob: `${place.folder}/snap/**/run` }));
      expect(place.classOf(file)).toBe(2);
    } finally {
      spawnSync("umount", [mounted]);
    }
    const forge = `mount -t tmpfs none ${mounted} && mkdir ${mounted}/bin && cp ${PERL} ${mounted}/bin/run && ${mounted}/bin/run -e '${PRINT_MARK}'`;
    const inOwn = (kinds: string): number =>
      place.classIn(place.namespace.run(["unshare", kinds, "sh", "-c", forge]).stdout);
    expect(inOwn("-rm")).toBe(1);
    expect(inOwn("-m")).toBe(2);
    // As in a container of root's: its own processes and control groups, too.
    expect(inOwn("-mpfC")).toBe(2);
    place.load(self({ folder: join(place.folder, "snap/app") }));
    expect(inOwn("-rm")).toBe(1);
  });

  test("the path of a program in mounts of its own is not taken for one of the host", async () => {
    const sleep = join(place.folder, "sleep");
    copyFileSync("/bin/sleep", sleep);
    const isElsewhere = async (kinds: string, mount: string): Promise<boolean> => {
      const child = spawn("unshare", [kinds, "sh", "-c", `${mount} exec ${sleep} 60`]);
      try {
        const read = () => new ProcFolder().read(child.pid ?? 0);
        await waitFor("the program", () => read()?.path === sleep || undefined, 10_000, 20);
        return read()?.isElsewhere === true;
      } finally {
        child.kill("SIGKILL");
      }
    };
    const other = `mount -t tmpfs none ${place.folder}; cp /bin/sleep ${sleep};`;
    expect([await isElsewhere("-m", ""), await isElsewhere("-m", other), await isElsewhere("-rm", "")]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("an overlay and a bind mount of a folder are known by the path that they are seen at", () => {
    const [lower, upper, work, merged, bound] = ["lower", "upper", "work", "merged", "bound"].map((name) => {
      mkdirSync(join(place.folder, "layers", name), { recursive: true });
      return join(place.folder, "layers", name);
    });
    place.program("layers/lower/bin/tool");
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    expect(spawnSync("mount", ["-t", "overlay", "overlay", "-o", options, merged as string]).status).toBe(0);
    expect(spawnSync("mount", ["--bind", lower as string, bound as string]).status).toBe(0);
    try {
      const atoms: ClassifierAtom[] = [merged, bound, lower].map((path) => self({ glob: `${path}/bin/*` }));
      place.load(...atoms);
      expect(classesOf([merged, bound, lower].map((path) => `${path}/bin/tool`))).toEqual([2, 3, 4]);
      place.load(self({ file: `${merged}/bin/tool` }), self({ folder: `${bound}` }));
      expect(classesOf([merged, bound].map((path) => `${path}/bin/tool`))).toEqual([2, 3]);
    } finally {
      for (const path of [merged, bound]) spawnSync("umount", [path as string]);
    }
  });

  test("law 1: a process that runs one program after another never keeps the class of an earlier one", () => {
    const [one, two] = [place.program("chain/one"), place.program("chain/two")];
    place.load(self({ file: one }));
    // Each program opens a socket, then becomes the other: the kernel uses addresses of the first again.
    const script = `${PRINT_MARK} $| = 1; print ""; my $n = shift; exit if $n == 0; exec($n % 2 ? "${one}" : "${two}", "-e", $ENV{SCRIPT}, $n - 1);`;
    const marks = place.namespace
      .run(["env", `SCRIPT=${script}`, one, "-e", script, "200"])
      .stdout.trim()
      .split("\n");
    expect(marks).toHaveLength(201);
    const wrong = marks
      .map((mark) => place.classIn(mark))
      .filter((found, index) => found !== (index % 2 === 0 ? 2 : 1));
    expect(wrong).toEqual([]);
  });

  test("the largest set of patterns loads", () => {
    expect(existsSync(place.folder)).toBe(true);
    const file = place.program("many/last");
    const atoms = Array.from(
      { length: 60 },
      (_, index) => ({ contains: `none-${index}`, of: "self-or-ancestor" }) as const,
    );
    place.load(...atoms, { regex: "/many/last$", of: "self-or-ancestor" }, { commandLine: "nothing" });
    expect(place.classOf(file)).toBe(62);
  });
});
