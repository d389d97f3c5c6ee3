// Path → page. web/pages.py serves the shell for each of these paths; a test compares the two.
export const ROUTES = [
  { path: "/", name: "overview", icon: "overview", place: "watch", phone: true, module: () => import("../pages/overview.js") },
  { path: "/activity", name: "activity", icon: "activity", place: "watch", phone: true, module: () => import("../pages/activity.js") },
  { path: "/analytics", name: "analytics", icon: "analytics", place: "watch", module: () => import("../pages/analytics.js") },
  { path: "/watch-party", name: "party", icon: "party", place: "watch", module: () => import("../pages/party.js") },
  { path: "/rewards", name: "rewards", icon: "rewards", place: "set", phone: true, module: () => import("../pages/rewards.js") },
  { path: "/rules", name: "rules", icon: "rules", place: "set", module: () => import("../pages/rules.js") },
  { path: "/settings", name: "settings", icon: "settings", place: "set", phone: true, module: () => import("../pages/settings.js") },
  { path: "/connection", name: "connection", icon: "connection", place: "care", module: () => import("../pages/connection.js") },
  { path: "/account", name: "account", icon: "account", place: "care", module: () => import("../pages/account.js") },
  { path: "/welcome", name: "welcome", icon: "overview", place: "", module: () => import("../pages/welcome.js") },
  { path: "/sign-in", name: "sign-in", icon: "account", place: "", bare: true, module: () => import("../pages/sign-in.js") },
];

export const routeOf = (pathname) => ROUTES.find(({ path }) => path === (pathname.replace(/\/+$/, "") || "/")) ?? null;
