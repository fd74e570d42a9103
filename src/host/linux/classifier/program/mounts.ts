import type { Instruction, Register } from "../../../../native/linux/bpf/instruction.ts";
import { jumpIfRegister, move, offsetOf, readNumber, readPointer } from "./emit.ts";
import type { ClassifierQuestion } from "./question.ts";

/** A place in the tree of mounts: a directory entry and the mount that it is seen through, in registers. */
export interface Place {
  readonly entry: Register;
  readonly mount: Register;
}

/** The mount (struct mount) of an open file, in r0. */
export function readMount(file: Register, question: ClassifierQuestion, otherwise: string): Instruction[] {
  return [
    ...readPointer(file, "file.f_path.mnt", question, otherwise),
    { kind: "alu", op: "sub", target: 0, by: { constant: offsetOf("mount.mnt", question) } },
  ];
}

/** The entry that is the root of a mount, in r0. */
export function readMountRoot(mount: Register, question: ClassifierQuestion, otherwise: string): Instruction[] {
  return readPointer(mount, ["mount.mnt", "vfsmount.mnt_root"], question, otherwise);
}

/** Goes from the root of a mount to the entry that it is mounted on; at the root of all goes on at `top`. */
export function toMountPoint({ entry, mount }: Place, question: ClassifierQuestion, top: string): Instruction[] {
  return [
    ...readPointer(mount, "mount.mnt_parent", question, top),
    jumpIfRegister(0, "==", mount, top),
    ...readPointer(mount, "mount.mnt_mountpoint", question, top),
    move(entry, 0),
    ...readPointer(mount, "mount.mnt_parent", question, top),
    move(mount, 0),
  ];
}

/**
 * Goes on at `otherwise` unless the mount is in a mount namespace of the host's user namespace: without root's rights
 * anyone mounts what they like in a user namespace of their own.
 */
export function requireHostMount(mount: Register, question: ClassifierQuestion, otherwise: string): Instruction[] {
  return [
    ...readPointer(mount, "mount.mnt_ns", question, otherwise),
    ...readPointer(0, "mnt_namespace.user_ns", question, otherwise),
    ...readNumber(0, "user_namespace.ns.inum", question, 4),
    { kind: "constant64", target: 1, value: BigInt(question.hostUsers) },
    jumpIfRegister(0, "!=", 1, otherwise),
  ];
}
