/**
 * The commands, in the order of the help. Each is loaded when it is asked for: else most of
 * the time of a short run would go into the modules of other commands.
 *
 * @module
 */

import type { Command } from "commander";
import type { StageDeclaration } from "../stages/stage.ts";

/** Sets the code that the program ends with. */
export type SetExitCode = (code: number) => void;

/** Loads the modules of a command and makes it. */
type Load = (setExitCode: SetExitCode) => Promise<Command>;

/** A command before it is loaded. */
export interface ListedCommand {
  readonly name: string;
  /** Heading in the help; nothing keeps it out of the help. */
  readonly group: string | undefined;
  readonly load: Load;
}

/** Every command, stages in the order of the pipeline. */
export const COMMANDS: readonly ListedCommand[] = [
  ...group("A night:", {
    run: async (set) => (await import("./commands/run.ts")).runCommand(set),
  }),
  ...group("Unattended:", {
    watch: async () => (await import("./commands/watch.ts")).watchCommand(),
    status: async () => (await import("./commands/status.ts")).statusCommand(),
    history: async () => (await import("./commands/history.ts")).historyCommand(),
    retry: async () => (await import("./commands/retry.ts")).retryCommand(),
    park: async () => (await import("./commands/park.ts")).parkCommand(),
    notices: async (set) => (await import("./commands/notices.ts")).noticesCommand(set),
  }),
  ...group(undefined, {
    "watch-step": async (set) => (await import("./commands/watch.ts")).watchStepCommand(set),
  }),
  ...group("Stages, each from manifest to manifest:", {
    calib: stage(async () => (await import("../stages/calib/mod.ts")).calib),
    astrom: stage(async () => (await import("../stages/astrom/mod.ts")).astrom),
    phot: stage(async () => (await import("../stages/phot/mod.ts")).phot),
    stack: stage(async () => (await import("../stages/stack/mod.ts")).stack),
    subtract: stage(async () => (await import("../stages/subtract/mod.ts")).subtract),
    detect: stage(async () => (await import("../stages/detect/mod.ts")).detect),
    curate: stage(async () => (await import("../stages/curate/mod.ts")).curate),
  }),
  ...group("Around it:", {
    show: async () => (await import("./commands/show.ts")).showCommand(),
    verify: async (set) => (await import("./commands/verify.ts")).verifyCommand(set),
    clean: async () => (await import("./commands/clean.ts")).cleanCommand(),
    reference: async (set) => (await import("./commands/reference.ts")).referenceCommand(set),
    simulate: async () => (await import("./commands/simulate.ts")).simulateCommand(),
    config: async () => (await import("./commands/config.ts")).configCommand(),
    doctor: async () => (await import("./commands/doctor.ts")).doctorCommand(),
  }),
];

function group(heading: string | undefined, loads: Record<string, Load>): ListedCommand[] {
  return Object.entries(loads).map(([name, load]) => ({ name, group: heading, load }));
}

function stage(load: () => Promise<StageDeclaration>): Load {
  return async (setExitCode) => {
    const [{ stageCommand }, declaration] = await Promise.all([
      import("./commands/stage.ts"),
      load(),
    ]);
    return stageCommand(declaration, setExitCode);
  };
}
