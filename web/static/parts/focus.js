// The focus of a keyboard through a page that is drawn anew: back to the control in the same place.
const CONTROLS = "button, a[href], input, select, textarea, summary, [tabindex='0']";

/**
 * Call before the nodes are replaced: the control that has the focus is remembered by its place in the nearest thing
 * with an id of its own (`data-id`) or in the tools of the page, and has it again once the new nodes are there.
 */
export function keepFocus() {
  const at = document.activeElement;
  const box = at?.closest?.("[data-id], .page-tools");
  if (!box || at.closest("dialog")) return;
  const where = box.dataset.id === undefined ? ".page-tools" : `[data-id="${CSS.escape(box.dataset.id)}"]`;
  const index = [...box.querySelectorAll(CONTROLS)].indexOf(at);
  requestAnimationFrame(() => {
    if (at.isConnected || document.querySelector("dialog[open]")) return;
    const controls = document.querySelector(where)?.querySelectorAll(CONTROLS) ?? [];
    (controls[index] ?? controls[0])?.focus({ preventScroll: true });
  });
}

/** Whether somebody is in the middle of something that a page drawn anew would close. */
export const isBusy = () => document.querySelector("dialog[open], [popover]:popover-open") !== null;
