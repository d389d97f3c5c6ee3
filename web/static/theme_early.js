// Runs before the first paint, so that a chosen theme never flashes in the other one. See theme.js.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("cuelight.theme");
  } catch {
    chosen = null; // storage is blocked: follow the system
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
