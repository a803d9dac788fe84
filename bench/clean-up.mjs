/**
 * Runs `work` with a list of functions that undo what it does. They run at the end in any case, the
 * last first; Ctrl-C and the like end the program after it.
 */
export async function cleaningUp(work) {
  const undo = [];
  const cleanUp = () => {
    for (const step of undo.splice(0).reverse()) step();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.once(signal, () => {
      cleanUp();
      process.exit(130);
    });
  }
  try {
    return await work(undo);
  } finally {
    cleanUp();
  }
}
