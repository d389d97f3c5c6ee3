// Light, dark, or as the system says. The choice stays on this device.
const KEY = "cuelight.theme";
const ORDER = ["system", "light", "dark"];

function remember(choice) {
  try {
    if (choice === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, choice);
  } catch {
    return; // storage is blocked: the choice lasts until the page is left
  }
}

/** Make `button` step through the themes; `name(choice)` gives the words for a choice. */
export function themeButton(button, name) {
  const root = document.documentElement;
  const show = () => {
    const choice = root.dataset.theme ?? "system";
    button.dataset.choice = choice;
    button.setAttribute("aria-label", name(choice));
    button.title = name(choice);
  };
  button.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(root.dataset.theme ?? "system") + 1) % ORDER.length];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    remember(next);
    show();
  });
  show();
}
