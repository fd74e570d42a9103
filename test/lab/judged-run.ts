import type { Expectation, Judgement } from "./judge/judge.ts";
import { renderJudgement } from "./judge/judge.ts";
import { Session, type SessionOptions } from "./judge/session.ts";
import type { World } from "./world/world.ts";

/** What is judged: `setUp` protects the client and gives back what undoes it; `disturb` is what must not open it. */
export interface Subject<S extends AsyncDisposable> {
  setUp(): Promise<S>;
  disturb?(subject: S, session: Session): Promise<void>;
  /** Rounds of probes after the set-up, and again after the disturbance. Default 3. */
  readonly rounds?: number;
  readonly session?: SessionOptions;
}

const repeats = 2;

/**
 * One whole run under the judge: control, set-up, judged rounds, disturbance, judged rounds. A run that is invalid
 * says so and is repeated at most twice; a leak is never repeated away.
 */
export async function judgedRun<S extends AsyncDisposable>(
  world: World,
  expectation: Expectation,
  subject: Subject<S>,
): Promise<Judgement> {
  for (let attempt = 0; ; attempt += 1) {
    const judgement = await oneRun(world, expectation, subject);
    if (judgement.outcome !== "invalid" || attempt === repeats) return judgement;
    console.warn(`run ${attempt + 1} of ${repeats + 1} is invalid and is repeated: ${renderJudgement(judgement)}`);
  }
}

/** As `judgedRun`, without repetition: for proofs that an invalid run is recognised. */
export async function oneRun<S extends AsyncDisposable>(
  world: World,
  expectation: Expectation,
  subject: Subject<S>,
): Promise<Judgement> {
  await using session = await Session.open(world, subject.session);
  await session.control();
  await using protectedClient = await subject.setUp();
  await session.beginJudging();
  await session.rounds(subject.rounds ?? 3);
  if (subject.disturb !== undefined) {
    await subject.disturb(protectedClient, session);
    await session.rounds(subject.rounds ?? 3);
  }
  return await session.finish(expectation);
}
