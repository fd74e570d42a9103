/** Kernel settings. */
export interface SysctlPort {
  /** Values of the names that exist. */
  read(names: readonly string[]): Promise<Readonly<Record<string, string>>>;
  write(values: Readonly<Record<string, string>>): Promise<void>;
}
