"""English. See `domain.locales` for what each table is."""

from domain.rules import Refusal

NAME = "English"
UNITS = ("d", "h", "min", "s")
THIS_STREAM = "the rest of this stream"
COMMANDS = {"vip": ("vip",), "leave": ("leave",)}

LINES = {
    "online": "Cuelight is on: redeem a VIP reward, and your badge comes by itself.",
    "granted": "@{viewer} is VIP now, for {duration}. Enjoy!",
    "granted.stream": "@{viewer} is VIP now, until this stream ends. Enjoy!",
    "extended": "@{viewer} stays VIP: {duration} more, {left} in all.",
    "extended.stream": "@{viewer} stays VIP until this stream ends.",
    "ends_soon": "@{viewer}, your VIP time ends soon: {left} left.",
    "ended": "@{viewer}'s VIP time is over. Thank you!",
    "waiting": "@{viewer}, all VIP slots are taken. You are number {position} on the waiting list.",
    "admitted": "@{viewer}, a VIP slot is yours now, for {duration}. Thank you for waiting!",
    "admitted.stream": "@{viewer}, a VIP slot is yours now, until this stream ends. Thank you for waiting!",
    "let_go": "@{viewer}, {reason}. You have your points back.",
    "refunded": "@{viewer}, {reason}. You have your points back.",
    "refused": "@{viewer}, thank you! No VIP time for it this once: {reason}.",
    "removed_by_streamer": "@{viewer}, your VIP badge was taken back by the streamer.",
    "contributed": "@{viewer}, thank you! You are VIP now, for {duration}.",
    "contributed.stream": "@{viewer}, thank you! You are VIP now, until this stream ends.",
    "cancelled": "@{viewer}, a moderator gave your points back, so this VIP time is taken back too.",
    "party_opened": "@{viewer} opened the watch party. Come in!",
    "party_queued": "@{viewer}, it is in the queue of the watch party. Thank you!",
    "vip_answer": "@{viewer}, you are VIP for another {left}.",
    "vip_answer.stream": "@{viewer}, you are VIP until this stream ends.",
    "vip_answer.stream_and_after": "@{viewer}, you are VIP for {left}.",
    "vip_answer.no_end": "@{viewer}, you are VIP, and no end is set.",
    "vip_answer_none": "@{viewer}, you are no VIP at the moment. Redeem “{reward}” for {cost} points to become one.",
    "vip_answer_none.no_reward": "@{viewer}, you are no VIP at the moment.",
}

REASONS = {
    Refusal.SLOTS_FULL: "all VIP slots are taken",
    Refusal.MODERATOR: "moderators cannot be VIP",
    Refusal.BLOCKED: "you cannot be VIP in this channel",
    Refusal.NOT_UNLOCKED: "this channel has not unlocked VIPs yet",
    Refusal.VIP_BY_HAND: "you are VIP already",
    Refusal.BROADCASTER: "it is your own channel",
    Refusal.NOT_SUBSCRIBED: "VIP is for subscribers here",
    Refusal.FOLLOWS_TOO_SHORT: "follow a little longer to become VIP",
    Refusal.NOT_ON_LIST: "VIP is for invited viewers here",
    Refusal.LISTED: "you cannot be VIP in this channel",
    Refusal.COOLDOWN: "you were VIP not long ago; try again later",
    Refusal.ENOUGH: "you have as much VIP time as one may have",
    Refusal.TOO_FEW: "that is too little for any VIP time",
    Refusal.PAUSED: "VIPs are paused at the moment",
    Refusal.CROWDED: "too many redeem this at the same time; try again later",
    Refusal.WAITED: "no VIP slot became free in time",
    Refusal.LEFT: "you are off the waiting list",
    Refusal.STREAM_OVER: "the stream is over and no VIP slot became free",
    Refusal.NO_PARTY: "no watch party is open at the moment",
    Refusal.PARTY_IS_OPEN: "the watch party is open already",
    Refusal.PARTY_ADDRESS: "write the web address of a video when you redeem this",
    Refusal.PARTY_FULL: "the queue of the watch party is full",
    Refusal.PARTY_VIPS: "only VIPs are let into this watch party",
    Refusal.PARTY_BARRED: "you cannot take part in this watch party",
    Refusal.REWARD_GONE: "this reward does not exist any more",
    Refusal.VIEWER_GONE: "Twitch does not know this account any more",
    Refusal.UNKNOWN: "we could not find out whether you may be VIP",
    Refusal.BROKEN: "that did not work",
}

FIELDS = {"reward": "Reward", "cost": "Points", "until": "VIP until", "position": "Place"}
EXAMPLE_REWARD = "VIP for a while"
