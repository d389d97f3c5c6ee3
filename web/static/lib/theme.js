// Light, dark, or as the system says. The choice stays on this device.
const KEY = "cuelight.theme";
export const THEMES = ["system", "light", "dark"];

export const theme = () => document.documentElement.dataset.theme ?? "system";

export function chooseTheme(choice) {
  const root = document.documentElement;
  if (choice === "system") delete root.dataset.theme;
  else root.dataset.theme = choice;
  try {
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    return; // storage is blocked: the choice lasts until the page is left
  }
}
