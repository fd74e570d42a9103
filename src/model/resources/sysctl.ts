/** Kernel settings, by dotted name ("net.ipv4.conf.all.arp_ignore"), values as the kernel prints them. */
export interface SysctlSpec {
  readonly values: Readonly<Record<string, string>>;
}

/** The same names as the spec asked for, with the machine's values; a name the kernel lacks is absent. */
export interface SysctlObserved {
  readonly values: Readonly<Record<string, string>>;
}
