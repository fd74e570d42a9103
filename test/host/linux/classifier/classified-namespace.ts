import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { CLASS_MARK } from "../../../../src/model/ownership.ts";
import type { ClassifierAtom, ClassifierSpec } from "../../../../src/model/program/classifier.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const BTF = "/sys/kernel/btf/vmlinux";

/** Why sockets cannot be classified here; undefined if they can. */
export const obstacle = namespaceObstacle() ?? (existsSync(BTF) ? undefined : "needs the kernel's types (BTF)");

/** A program of one file and few instructions would need a compiler: a copy of perl is one that opens sockets. */
export const PERL = "/usr/bin/perl";
export const PRINT_MARK = `
use Socket;
socket(my $s, AF_INET, SOCK_DGRAM, 0) or die $!;
print unpack("L", getsockopt($s, 1, 36)), "\\n";
`;
const SCRIPT = "test/host/linux/classifier/classify.script.ts";

/** A network namespace with control groups and a bpf file system of its own, and a folder for programs. */
export class ClassifiedNamespace implements Disposable {
  readonly namespace: TestNamespace = makeNamespace("class");
  readonly folder = mkdtempSync(join(tmpdir(), "awg-class-"));
  readonly bpf = this.#mounted("bpf");
  readonly cgroups = this.#mounted("cgroup2");

  #mounted(type: string): string {
    const path = join(this.folder, type);
    mkdirSync(path);
    expect(spawnSync("mount", ["-t", type, type, path]).status).toBe(0);
    return path;
  }

  /** Runs the script that loads, removes and reads a classifier. */
  script(order: object): unknown {
    return this.namespace.runScript(SCRIPT, { folder: join(this.bpf, "awg"), cgroup: this.cgroups, ...order });
  }

  /** Loads a classifier, or removes it; returns what is there then. */
  order(spec: ClassifierSpec | null): unknown {
    return this.script({ spec });
  }

  /** One condition an atom, each final, in this order; class 1 is everything else, 2 the first atom. */
  load(...atoms: readonly ClassifierAtom[]): void {
    const classes = atoms.map((_, position) => ({ number: position + 2, conditions: [position] }));
    this.order({
      atoms,
      conditions: atoms.map((_, atom) => ({ atom })),
      final: atoms.map((_, position) => position),
      classes: [{ number: 1, conditions: [] }, ...classes],
    });
  }

  /** A copy of perl below the folder. */
  program(path: string): string {
    const file = join(this.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    copyFileSync(PERL, file);
    return file;
  }

  /** The class in a mark that a program printed. */
  classIn(text: string | undefined): number {
    return (Number(text?.trim()) & CLASS_MARK.mask) >>> CLASS_MARK.shift;
  }

  /** The class of a socket that a program opens. */
  classOf(...argv: readonly string[]): number {
    return this.classIn(this.namespace.run([...argv, "-e", PRINT_MARK]).stdout);
  }

  [Symbol.dispose](): void {
    for (const path of [this.bpf, this.cgroups]) spawnSync("umount", [path]);
    this.namespace[Symbol.dispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
