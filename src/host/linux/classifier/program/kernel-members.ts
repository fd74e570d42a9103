/** The kernel's description of its own types. */
export const TYPES_OF_KERNEL = "/sys/kernel/btf/vmlinux";

/** The members of the kernel's structures that the classifier reads (linux/sched.h, linux/mm_types.h, linux/fs.h, fs/mount.h). */
export const KERNEL_MEMBERS = [
  "task_struct.mm",
  "task_struct.real_parent",
  "task_struct.self_exec_id",
  "task_struct.start_boottime",
  "mm_struct.arg_end",
  "mm_struct.arg_start",
  "mm_struct.exe_file",
  "file.f_inode",
  "file.f_path.dentry",
  "file.f_path.mnt",
  "dentry.d_parent",
  "dentry.d_inode",
  "dentry.d_name.len",
  "dentry.d_name.name",
  "inode.i_ino",
  "inode.i_sb",
  "super_block.s_dev",
  "vfsmount.mnt_root",
  "mount.mnt",
  "mount.mnt_mountpoint",
  "mount.mnt_ns",
  "mount.mnt_parent",
  "mnt_namespace.user_ns",
  "user_namespace.ns.inum",
] as const;

export type KernelMember = (typeof KERNEL_MEMBERS)[number];
