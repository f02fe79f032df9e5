// A Python for one run: gets code, answers with what it prints. MicroPython is 1.27.0 of npm.

import { loadMicroPython } from "./micropython.mjs";

onmessage = async ({ data }) => {
  const said = [];
  const python = await loadMicroPython({ stdout: (line) => said.push(line) });
  try {
    python.runPython(data);
  } catch (error) {
    said.push(error.message);
  }
  postMessage(said.join("\n"));
};
