// Who may do what, as the server's table says it: what cannot be done is not offered. The server judges all the same.
const RANK = { nobody: 0, guest: 1, member: 2, cohost: 3, host: 4 };

const LEAST = {
  "party:play": ({ control }) => control,
  "party:pause": ({ control }) => control,
  "party:seek": ({ control }) => control,
  "party:rate": ({ control }) => control,
  "party:media": () => "cohost",
  "party:queue:add": ({ queueing }) => queueing,
  "party:queue:vote": () => "member",
  "party:queue:skip": () => "member",
  "party:queue:move": () => "cohost",
  "party:queue:remove": () => "cohost",
  "party:queue:next": ({ control }) => control,
  "party:chat": ({ guestsChat }) => (guestsChat === false ? "member" : "guest"),
  "party:mute": () => "cohost",
  "party:kick": () => "cohost",
  "party:ban": () => "cohost",
  "party:invite": () => "cohost",
  "party:role": () => "host",
  "party:host": () => "host",
  "party:host:take": () => "cohost",
  "party:settings": () => "host",
  "party:close": () => "host",
};

/** What somebody is: the host is named by the room, and not by the role of the credential. */
export const rankOf = (role) => (Object.hasOwn(RANK, role) ? RANK[role] : 0);

export const roleOf = (room, member) => (member.memberId === room.state?.host ? "host" : member.role);

/** My own role in this room. */
export const myRole = (room) => (room.isHost ? "host" : room.role);

/** Whether I may send a command here. */
export function may(room, type) {
  if (!room) return false;
  const least = LEAST[type]?.(room.settings ?? {}) ?? "guest";
  return rankOf(myRole(room)) >= rankOf(least);
}
