import { expect, test } from "vitest";
import {
  type ClassifierProbe,
  readClassifierCapability,
} from "../../../../src/host/linux/facts/classifier-capability.ts";
import { AwgError } from "../../../../src/model/error.ts";

const GOOD: ClassifierProbe = {
  isBpfKnown: () => true,
  hasTypes: () => true,
  findMount: () => "/sys/fs/bpf",
  fileSystems: () => "nodev\tproc\nnodev\tbpf\n\text4\n",
  namespaceCookie: () => 1n,
  load: () => undefined,
  loadLoop: () => undefined,
  lockdown: () => "[none] integrity confidentiality",
  isRoot: () => true,
};

function fails(errno: string): () => never {
  return () => {
    throw new AwgError("host", `loading the BPF program awg_probe failed (${errno})`, { facts: { errno } });
  };
}

const reasonOf = (given: Partial<ClassifierProbe>) => {
  const answer = readClassifierCapability({ ...GOOD, ...given });
  return answer.ok ? "ok" : answer.reason;
};

test("each thing that is missing is named", () => {
  expect(reasonOf({})).toBe("ok");
  expect(reasonOf({ isBpfKnown: () => false })).toBe(`BPF programs are not supported on ${process.arch}`);
  expect(reasonOf({ hasTypes: () => false })).toBe("the kernel has no type information (BTF, /sys/kernel/btf/vmlinux)");
  expect(reasonOf({ findMount: (type) => (type === "bpf" ? "/sys/fs/bpf" : undefined) })).toBe(
    "cgroup v2 is not mounted",
  );
  const withoutBpf = (type: string) => (type === "bpf" ? undefined : "/sys/fs/cgroup");
  expect(reasonOf({ findMount: withoutBpf })).toBe("ok");
  expect(reasonOf({ findMount: withoutBpf, fileSystems: () => "nodev\tproc\n" })).toBe(
    "the kernel has no bpf file system",
  );
  expect(reasonOf({ namespaceCookie: fails("ENOPROTOOPT") })).toBe("it needs Linux 5.14");
  expect(reasonOf({ load: fails("EINVAL"), lockdown: () => "none integrity [confidentiality]" })).toBe(
    "kernel lockdown (confidentiality) forbids reading kernel memory",
  );
  expect(reasonOf({ load: fails("EPERM") })).toBe(
    "the kernel refuses the BPF program: loading the BPF program awg_probe failed (EPERM)",
  );
});

test("without root's rights to try, it is assumed", () => {
  expect(reasonOf({ load: fails("EPERM"), isRoot: () => false })).toBe("ok");
  expect(reasonOf({ load: fails("EINVAL"), isRoot: () => false })).not.toBe("ok");
});

test("a kernel that has no loops for patterns classifies without them, and the reason is given", () => {
  expect(readClassifierCapability(GOOD)).toEqual({ ok: true });
  const old = readClassifierCapability({ ...GOOD, loadLoop: fails("EINVAL") });
  expect(old).toEqual({
    ok: true,
    noPatterns: "patterns on programs need Linux 5.17: loading the BPF program awg_probe failed (EINVAL)",
  });
});
