// What is known of a channel: a snapshot and every entry since, put in place by id (docs/live.md).
const MOST_DEEDS = 200;

/** An empty picture. */
export const blank = () => ({ now: 0, takenAt: 0, channel: null, vips: new Map(), activity: [], waiting: null, me: null });

/** Put one entry into a picture. Answers false when it changed nothing (a resumed stream repeats itself). */
export function apply(picture, kind, body) {
  if (kind === "reset") {
    const active = (body.vips ?? []).filter((vip) => vip.status === "active");
    Object.assign(picture, {
      now: body.now,
      takenAt: Date.now(),
      channel: body.channel ?? null,
      vips: new Map(active.map((vip) => [vip.id, vip])),
      activity: [...(body.activity ?? [])],
      waiting: body.waiting ?? null,
      me: body.me ?? picture.me,
    });
  } else if (kind === "vip") {
    if (body.status === "active") picture.vips.set(body.id, body);
    else picture.vips.delete(body.id);
  } else if (kind === "activity") {
    if (picture.activity.some((deed) => deed.id === body.id)) return false;
    const at = picture.activity.findIndex((deed) => deed.at <= body.at);
    picture.activity.splice(at === -1 ? picture.activity.length : at, 0, body);
    if (picture.activity.length > MOST_DEEDS) picture.activity.pop();
  } else if (kind === "channel") {
    picture.channel = body;
  } else if (kind === "waiting") {
    picture.waiting = body;
  }
  return true;
}

/** The picture as a snapshot of this moment, for a page that comes later. */
export const snapshotOf = ({ now, takenAt, channel, vips, activity, waiting, me }) => ({
  now: now + (Date.now() - takenAt), channel, vips: [...vips.values()], activity, waiting, me,
});
