/** Kernel settings, by dotted name ("net.ipv4.conf.all.arp_ignore"), values as the kernel prints them. */
export interface SysctlSpec {
  readonly values: Readonly<Record<string, string>>;
}

/** The names in the spec, with the host's values; a name that the kernel lacks is absent. */
export interface SysctlObserved {
  readonly values: Readonly<Record<string, string>>;
}
