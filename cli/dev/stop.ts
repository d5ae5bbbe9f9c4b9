const launcherCheckMs = 500;

/** Resolves when this process is told to stop, or when the launcher that waits for it (bootstrap.mjs) has died. */
export function stopRequested(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => resolve());
    const launcher = process.ppid;
    if (process.env["EDGEWAY_LAUNCHER"] !== String(launcher)) return;
    const check = () => {
      if (process.ppid !== launcher) resolve();
    };
    setInterval(check, launcherCheckMs).unref();
  });
}
