import type { Instruction } from "../../../../native/linux/bpf/instruction.ts";
import {
  AT,
  addAtomsIfFound,
  address,
  call,
  constant,
  FILE,
  HELPER,
  jump,
  jumpIfRegister,
  LIMITS,
  label,
  lookUp,
  move,
  NAME_BYTES,
  readNumber,
  readPointer,
  repeat,
  store,
  storeConstant,
  TASK,
  WALK,
} from "./emit.ts";
import { readMount, readMountRoot, requireHostMount, toMountPoint } from "./mounts.ts";
import { pathAtoms } from "./pattern-atoms.ts";
import type { Atoms, ClassifierQuestion } from "./question.ts";

/** What the program and its ancestors fulfil by file, folder and name. */
export function programAtoms(question: ClassifierQuestion): Instruction[] {
  const { own, inherited } = question;
  return [
    ...taskAtoms(question, own, "self", "walked"),
    ...(isAsked(inherited) ? ancestorAtoms(question) : []),
    label("walked"),
  ];
}

function ancestorAtoms(question: ClassifierQuestion): Instruction[] {
  return [
    storeConstant(AT.processes, LIMITS.processes),
    label("ancestor"),
    ...toParent(question),
    ...taskAtoms(question, question.inherited, "ancestor", "walked"),
    ...repeat(AT.processes, "ancestor"),
  ];
}

/** Makes the parent the task that is looked at; the first process of all is its own parent. */
function toParent(question: ClassifierQuestion): Instruction[] {
  return [
    ...readPointer(TASK, "task_struct.real_parent", question, "walked"),
    jumpIfRegister(0, "==", TASK, "walked"),
    move(TASK, 0),
  ];
}

/** Atoms of a task's program file; a task without one, a kernel thread, ends the walk at `otherwise`. */
function taskAtoms(question: ClassifierQuestion, counted: Atoms, name: string, otherwise: string): Instruction[] {
  if (!isAsked(counted)) return [];
  const { maps } = question;
  const end = `${name}-end`;
  return [
    ...readPointer(TASK, "task_struct.mm", question, otherwise),
    ...readPointer(0, "mm_struct.exe_file", question, otherwise),
    move(FILE, 0),
    ...readPointer(FILE, "file.f_inode", question, end),
    ...inodeKey(question, end),
    ...lookUp(maps.files, AT.key),
    ...addAtomsIfFound(counted, `${name}-file`),
    ...readPointer(FILE, "file.f_path.dentry", question, end),
    move(WALK, 0),
    ...readPointer(WALK, "dentry.d_name.name", question, end),
    move(3, 0),
    ...Array.from({ length: NAME_BYTES / 8 }, (_, index) => storeConstant(AT.name + 8 * index, 0)),
    ...address(1, AT.name),
    constant(2, NAME_BYTES),
    call(HELPER.readKernelString),
    ...lookUp(maps.names, AT.name),
    ...addAtomsIfFound(counted, `${name}-name`),
    ...readPointer(WALK, "dentry.d_parent", question, end),
    jumpIfRegister(0, "==", WALK, end),
    ...readPointer(0, "dentry.d_inode", question, end),
    ...inodeKey(question, end),
    ...[0, 8].flatMap((word): Instruction[] => [
      { kind: "load", bits: 64, target: 1, base: 10, offset: AT.key + word },
      store(AT.entry + word, 1),
    ]),
    ...lookUp(maps.entries, AT.entry),
    ...addAtomsIfFound(counted, `${name}-entry`),
    label(end),
    store(AT.file, FILE),
    ...(question.usesFolders ? folderAtoms(question, counted, name) : []),
    { kind: "load", bits: 64, target: FILE, base: 10, offset: AT.file },
    ...pathAtoms(question, counted, name),
  ];
}

/**
 * Atoms of the folders above a file, also of those that its file system is mounted in. Where the mount is not of the host, the
 * folders in the file system alone count. Uses FILE and WALK.
 */
function folderAtoms(question: ClassifierQuestion, counted: Atoms, name: string): Instruction[] {
  const [next, within, end] = [`${name}-folder`, `${name}-within`, `${name}-folders-end`];
  return [
    ...readPointer(FILE, "file.f_path.dentry", question, end),
    move(WALK, 0),
    ...readMount(FILE, question, end),
    move(FILE, 0),
    storeConstant(AT.folders, LIMITS.folders),
    label(next),
    ...readMountRoot(FILE, question, within),
    jumpIfRegister(0, "!=", WALK, within),
    ...requireHostMount(FILE, question, within),
    ...toMountPoint({ entry: WALK, mount: FILE }, question, within),
    ...repeat(AT.folders, next),
    jump(end),
    label(within),
    ...readPointer(WALK, "dentry.d_parent", question, end),
    jumpIfRegister(0, "==", WALK, end),
    move(WALK, 0),
    ...readPointer(WALK, "dentry.d_inode", question, end),
    ...inodeKey(question, end),
    ...lookUp(question.maps.folders, AT.key),
    ...addAtomsIfFound(counted, `${name}-in-folder`),
    ...repeat(AT.folders, next),
    label(end),
  ];
}

function isAsked([low, high]: Atoms): boolean {
  return low !== 0n || high !== 0n;
}

/** Puts {inode number, device} of the inode in r0 at AT.key. */
function inodeKey(question: ClassifierQuestion, otherwise: string): Instruction[] {
  return [
    store(AT.number, 0),
    ...readNumber(0, "inode.i_ino", question),
    store(AT.key, 0),
    { kind: "load", bits: 64, target: 0, base: 10, offset: AT.number },
    ...readPointer(0, "inode.i_sb", question, otherwise),
    ...readNumber(0, "super_block.s_dev", question, 4),
    store(AT.key + 8, 0),
  ];
}
