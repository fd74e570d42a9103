import type { ClassifierObserved, ClassifierSpec } from "../../../model/program/classifier.ts";

/** The kernel's classifier of sockets, for the network namespace that awg acts in. */
export interface ClassifierPort {
  /** Our classifier; undefined where nothing of it is attached. Programs of others are not looked at. */
  read(): Promise<ClassifierObserved | undefined>;
  /**
   * Attaches the classifier to all hooks, or replaces the attached one hook by hook: every socket meets the old one or the
   * new one, never none. Paths are resolved now. It outlives every process of awg. null detaches it; sockets keep the class
   * they have.
   *
   * @throws AwgError unsupported where the kernel has no such programs; permission without the right to load them.
   */
  load(spec: ClassifierSpec | null): Promise<void>;
}
