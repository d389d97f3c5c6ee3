// The faces that stand in the place of a room: why one is not in it, and what to do next.
import { wholeFace } from "../lib/faces.js";
import { button, link } from "../lib/parts.js";

/** Code of an error, or of the close, to its words ("gone_<name>…"), its signal, and the next steps. */
const FACES = {
  room_not_found: { name: "nowhere", signal: "off", next: ["lobby"] },
  room_closed: { name: "closed", signal: "off", next: ["lobby"] },
  4504: { name: "closed", signal: "off", next: ["lobby"] },
  room_full: { name: "full", signal: "standby", next: ["again", "lobby"] },
  vip_only: { name: "vips", signal: "stop", next: ["lobby"] },
  banned: { name: "banned", signal: "stop", next: ["lobby"] },
  4511: { name: "banned", signal: "stop", next: ["lobby"] },
  4510: { name: "kicked", signal: "stop", next: ["again", "lobby"] },
  4509: { name: "elsewhere", signal: "standby", next: ["here", "lobby"] },
  4503: { name: "origin", signal: "stop", next: ["lobby"] },
  invite_invalid: { name: "invite", signal: "stop", next: ["sign_in", "lobby"] },
  invite_expired: { name: "invite_old", signal: "stop", next: ["sign_in", "lobby"] },
  invite_used: { name: "invite_used", signal: "stop", next: ["sign_in", "lobby"] },
  unauthorized: { name: "stranger", signal: "standby", next: ["sign_in", "lobby"] },
  4501: { name: "stranger", signal: "standby", next: ["sign_in", "lobby"] },
  rate_limited: { name: "busy", signal: "standby", next: ["again", "lobby"] },
  busy: { name: "busy", signal: "standby", next: ["again", "lobby"] },
  unavailable: { name: "busy", signal: "standby", next: ["again", "lobby"] },
  not_connected: { name: "line", signal: "stop", next: ["again", "lobby"] },
  timeout: { name: "line", signal: "stop", next: ["again", "lobby"] },
  closed: { name: "line", signal: "stop", next: ["again", "lobby"] },
};

export const isFace = (code) => Object.hasOwn(FACES, String(code));

/** @param ctx {say, session}; `deeds`: {again(), lobby()}. Gives {node, h1, signal}. */
export function goneFace(ctx, { code, detail = "", advice = "" }, deeds) {
  const { say, session } = ctx;
  const known = isFace(code) ? FACES[String(code)] : { name: "broken", signal: "stop", next: ["again", "lobby"] };
  const home = () => link({ words: say("to_lobby"), href: "/party", kind: "" });
  const steps = {
    again: () => button({ words: say("try_again"), icon: "refresh", kind: "", press: deeds.again }),
    here: () => button({ words: say("watch_here"), icon: "play", kind: "", press: deeds.again }),
    sign_in: () => (session.signed_in ? null : link({ words: say("sign_in"), href: signInAddress(session), kind: "" })),
    lobby: home,
  };
  const actions = known.next.map((each) => steps[each]()).filter(Boolean);
  for (const each of actions.slice(1)) each.classList.add("button-quiet");
  const text = known.name === "broken" && detail ? [detail, advice].filter(Boolean).join(" ") : say(`gone_${known.name}_text`);
  const face = wholeFace({ signal: known.signal, heading: say(`gone_${known.name}`), text, actions });
  face.node.dataset.gone = known.name;
  return { ...face, signal: known.signal };
}

/** Where one signs in, in order to come back here: as a viewer, who needs no channel and grants nothing (docs/accounts.md). */
export function signInAddress({ sign_in_url: address = "", development_login: development = false }) {
  const back = encodeURIComponent(location.pathname + location.search);
  return address && !development ? `${address}?role=viewer&return_to=${back}` : `/sign-in?return_to=${back}`;
}
