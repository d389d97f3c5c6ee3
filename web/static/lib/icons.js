// Line icons on a 24-px grid, drawn for these pages. They always stand beside words or on a labelled button.
import { svg } from "./dom.js";

const PATHS = {
  overview: "M12 3.5l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z",
  activity: "M4 6h16M4 12h16M4 18h10",
  analytics: "M4 20V4M4 20h16M8.5 16v-4M12.5 16V8M16.5 16v-6",
  rewards: "M4 9.5h16v10.5H4zM3 6h18v3.5H3zM12 6v14M12 6c-1.5-4-6-3.5-5-1s3.5 1 5 1zM12 6c1.5-4 6-3.5 5-1s-3.5 1-5 1z",
  rules: "M12 3l7.5 3v5.5c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.5V6zM8.8 12l2.3 2.3 4.2-4.5",
  settings: "M4 7h9M17 7h3M4 17h3M11 17h9M13 4.8h4v4.4h-4zM7 14.8h4v4.4H7z",
  connection: "M5 12.5a10 10 0 0 1 14 0M8 15.7a5.6 5.6 0 0 1 8 0M2.5 9.2a14 14 0 0 1 19 0M12 19.5h.01",
  account: "M12 12.5a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20.5c.8-3.5 3.7-5.5 7.5-5.5s6.7 2 7.5 5.5",
  team: "M9 12a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 19.5c.6-3 3.2-5 6.5-5s5.9 2 6.5 5M16 5.3a3.5 3.5 0 0 1 0 6.4M18.5 14.8c1.7.8 2.7 2.5 3 4.7",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  extend: "M12 20.5a8 8 0 1 1 7.7-10.2M12 8v4.5l2.5 2M18.5 14.5v6M15.5 17.5h6",
  clock: "M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17zM12 7.5V12l3 2",
  remove: "M6 6l12 12M18 6L6 18",
  close: "M6 6l12 12M18 6L6 18",
  trash: "M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10 10.5v5.5M14 10.5v5.5",
  shield: "M12 3l7.5 3v5.5c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.5V6z",
  hand: "M8 12V5.5a1.5 1.5 0 0 1 3 0V11M11 10.5v-6a1.5 1.5 0 0 1 3 0v6M14 11V6.5a1.5 1.5 0 0 1 3 0V14c0 4-2.5 6.5-6 6.5-2.5 0-4-1-5.5-3.5L3.6 13.5c-.6-1.3 1.1-2.4 2.1-1.3L8 14.5",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20.5 20.5",
  download: "M12 4v11M7.5 11L12 15.5 16.5 11M4.5 20h15",
  external: "M13.5 4.5h6v6M19.5 4.5l-8.5 8.5M17 14v5.5H4.5V7H10",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.3-5.4M19.5 3.5v4h-4",
  back: "M15 5l-7 7 7 7",
  down: "M6 9.5l6 6 6-6",
  up: "M6 14.5l6-6 6 6",
  check: "M5 12.5l4.5 4.5L19 7.5",
  copy: "M9 9h11v11H9zM5.5 15H4V4h11v1.5",
  edit: "M4.5 19.5l1-4.2L16 4.8l3.2 3.2L8.7 18.5zM14 7l3 3",
  pause: "M8.5 5.5v13M15.5 5.5v13",
  play: "M7.5 5l11 7-11 7z",
  gift: "M4 9.5h16v10.5H4zM3 6h18v3.5H3zM12 6v14",
  bell: "M6 16.5V11a6 6 0 1 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  chat: "M4 5h16v11.5H10.5L6 20.5v-4H4z",
  code: "M8.5 7L3.5 12l5 5M15.5 7l5 5-5 5",
  keys: "M2.5 6.5h19v11h-19zM6.5 10h.01M10.2 10h.01M13.8 10h.01M17.5 10h.01M8 14h8",
  theme: "M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 3.5v17",
  language: "M3.5 12h17M12 3.5c5 5 5 12 0 17M12 3.5c-5 5-5 12 0 17M12 20.5a8.5 8.5 0 1 0 0-17 8.5 8.5 0 0 0 0 17z",
  docs: "M5 4h10l4 4v12H5zM14.5 4v4.5H19M8.5 13h7M8.5 16.5h5",
  leave: "M14 4.5H5v15h9M10.5 12h10M17 8.5l3.5 3.5-3.5 3.5",
  menu: "M4 7h16M4 12h16M4 17h16",
  filter: "M4 5.5h16L14 13v6l-4-2v-4z",
  device: "M4 5h16v10.5H4zM9 20h6M12 15.5V20",
  warning: "M12 4l9 16H3zM12 10v4.5M12 17.3h.01",
  lock: "M6 10.5h12v9.5H6zM8.5 10.5V8a3.5 3.5 0 0 1 7 0v2.5",
  waiting: "M7 3.5h10M7 20.5h10M8 3.5c0 5 8 5.5 8 8.5s-8 3.5-8 8.5M16 3.5c0 5-8 5.5-8 8.5s8 3.5 8 8.5",
  user_plus: "M10 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM3 20c.7-3.3 3.4-5.3 7-5.3 1.5 0 2.9.4 4 1M18 14v6.5M14.8 17.3h6.4",
};

/** Twitch's mark, for its sign-in button only. */
const GLITCH = "M5.5 2L2.5 5v14h4.5v3l3-3h3l7-7V2zm13 9l-3 3h-3.5l-2.7 2.7V14H6V3.5h12.5zM11 6.5h1.5V11H11zm4.2 0h1.5V11h-1.5z";

/** An icon by name; silent, since words stand beside it. */
export function icon(name) {
  const path = name === "twitch" ? svg("path", { d: GLITCH, class: "solid" }) : svg("path", { d: PATHS[name] ?? PATHS.more });
  return svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true" }, path);
}
