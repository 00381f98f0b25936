/**
 * What the system tells of processes: through `/proc`, or, where Deno's permissions do not
 * reach there, through the programs `ps` and `kill`.
 *
 * @module
 */

/** Tells of the processes of this machine. */
export interface ProcessSource {
  /** In what form it tells start times. */
  readonly kind: "proc" | "ps" | "none";
  /** The form of a start time. */
  kindOf(started: string): ProcessSource["kind"];
  /** Number of this boot and of this container, parted by `/`; empty if unknown. */
  boot(): string;
  /** Start time of a process; empty when it is not there or has ended, undefined when nobody can tell. */
  startOf(pid: number): string | undefined;
  /** Whether start times are the same whenever they are asked for; not those made from the wall clock. */
  readonly steady: boolean;
  /** The processes in whose environment a variable has this value. */
  withEnvironment(variable: string): number[];
  /** Kills a process; one that is gone is no error. */
  kill(pid: number): void;
}

let chosen: ProcessSource | undefined;

/** The best source that there is; found out once. */
export function processSource(): ProcessSource {
  return chosen ??= [PROC, PS].find((source) => source.startOf(Deno.pid)) ?? NONE;
}

function kindOf(started: string): ProcessSource["kind"] {
  return /^\d+$/.test(started) ? "proc" : started === "" ? "none" : "ps";
}

/** Linux, with all permissions. */
export const PROC: ProcessSource = {
  kind: "proc",
  steady: true,
  kindOf,
  boot: () => {
    const boot = read("/proc/sys/kernel/random/boot_id").trim();
    return `${boot}/${link("/proc/self/ns/pid")}`;
  },
  // Field 22 of /proc/PID/stat; the name before it may hold blanks and brackets. A zombie is dead.
  startOf: (pid) => {
    let text: string;
    try {
      text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    } catch (error) {
      return isGone(error) ? "" : undefined; // such as too many open files
    }
    const fields = text.split(") ").at(-1)?.split(" ") ?? [];
    return fields[0] === "Z" || fields[0] === "X" ? "" : fields[19];
  },
  withEnvironment: (variable) =>
    listProc().filter((pid) => `\0${read(`/proc/${pid}/environ`)}`.includes(`\0${variable}\0`)),
  kill: (pid) => {
    try {
      Deno.kill(pid, "SIGKILL");
    } catch {
      // gone by itself
    }
  },
};

/** With leave to run `ps` and `kill` alone. Its start times move when the wall clock is set. */
export const PS: ProcessSource = {
  kind: "ps",
  steady: false,
  kindOf,
  boot: () => "",
  startOf: (pid) => {
    const text = run("ps", "-o", "state=,lstart=", "-p", String(pid));
    const [state, ...start] = text?.trim().split(/\s+/) ?? [];
    return state === "Z" || state === "X" || state === "" ? "" : text && start.join(" ");
  },
  withEnvironment: (variable) =>
    (run("ps", "axeww", "-o", "pid=,state=,command=") ?? "").split("\n")
      .filter((line) => line.includes(` ${variable}`) && !/^\s*\d+ Z/.test(line))
      .map((line) => parseInt(line)),
  kill: (pid) => void run("kill", "-KILL", String(pid)),
};

/** Where nobody tells: then only the beats of leases say who is alive. */
const NONE: ProcessSource = {
  kind: "none",
  steady: false,
  kindOf,
  boot: () => "",
  startOf: () => undefined,
  withEnvironment: () => [],
  kill: () => {},
};

/** What a program prints; undefined when it cannot be started. */
function run(program: string, ...args: readonly string[]): string | undefined {
  try {
    const { stdout } = new Deno.Command(program, {
      args: [...args],
      env: { LC_ALL: "C", TZ: "UTC" },
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return undefined;
  }
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound || /os error 3\b/.test((error as Error).message);
}

function listProc(): number[] {
  try {
    return [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name))
      .map(({ name }) => Number(name));
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}

function link(path: string): string {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return "";
  }
}
