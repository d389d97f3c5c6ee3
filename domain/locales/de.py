"""German. See `domain.locales` for what each table is."""

from domain.rules import Refusal

NAME = "Deutsch"
UNITS = ("T", "Std", "Min", "s")
THIS_STREAM = "den Rest dieses Streams"
COMMANDS = {"vip": ("vip",), "leave": ("raus",)}

LINES = {
    "online": "Cuelight ist an: Löse eine VIP-Belohnung ein, und dein Abzeichen kommt von selbst.",
    "granted": "@{viewer} ist jetzt VIP, für {duration}. Viel Spaß!",
    "granted.stream": "@{viewer} ist jetzt VIP, bis dieser Stream endet. Viel Spaß!",
    "extended": "@{viewer} bleibt VIP: {duration} mehr, {left} insgesamt.",
    "extended.stream": "@{viewer} bleibt VIP, bis dieser Stream endet.",
    "ends_soon": "@{viewer}, deine VIP-Zeit endet bald: noch {left}.",
    "ended": "Die VIP-Zeit von @{viewer} ist vorbei. Danke!",
    "waiting": "@{viewer}, alle VIP-Plätze sind vergeben. Du hast Platz {position} auf der Warteliste.",
    "admitted": "@{viewer}, jetzt ist ein VIP-Platz für dich frei, für {duration}. Danke fürs Warten!",
    "admitted.stream": "@{viewer}, jetzt ist ein VIP-Platz für dich frei, bis dieser Stream endet. Danke fürs Warten!",
    "let_go": "@{viewer}, {reason}. Du hast deine Punkte zurück.",
    "refunded": "@{viewer}, {reason}. Du hast deine Punkte zurück.",
    "refused": "@{viewer}, danke! VIP-Zeit gibt es diesmal nicht: {reason}.",
    "removed_by_streamer": "@{viewer}, der Kanal hat dein VIP-Abzeichen zurückgenommen.",
    "contributed": "@{viewer}, danke! Du bist jetzt VIP, für {duration}.",
    "contributed.stream": "@{viewer}, danke! Du bist jetzt VIP, bis dieser Stream endet.",
    "cancelled": "@{viewer}, die Moderation hat dir deine Punkte zurückgegeben, damit endet auch diese VIP-Zeit.",
    "party_opened": "@{viewer} hat die Watchparty geöffnet. Kommt rein!",
    "party_queued": "@{viewer}, das steht jetzt in der Warteschlange der Watchparty. Danke!",
    "vip_answer": "@{viewer}, du bist noch {left} VIP.",
    "vip_answer.stream": "@{viewer}, du bist VIP, bis dieser Stream endet.",
    "vip_answer.stream_and_after": "@{viewer}, du bist VIP für {left}.",
    "vip_answer.no_end": "@{viewer}, du bist VIP, ohne Ende.",
    "vip_answer_none": "@{viewer}, du bist gerade kein VIP. Löse „{reward}“ für {cost} Punkte ein, um VIP zu werden.",
    "vip_answer_none.no_reward": "@{viewer}, du bist gerade kein VIP.",
}

REASONS = {
    Refusal.SLOTS_FULL: "alle VIP-Plätze sind vergeben",
    Refusal.MODERATOR: "wer moderiert, kann nicht VIP sein",
    Refusal.BLOCKED: "in diesem Kanal kannst du nicht VIP sein",
    Refusal.NOT_UNLOCKED: "dieser Kanal hat VIPs noch nicht freigeschaltet",
    Refusal.VIP_BY_HAND: "du bist schon VIP",
    Refusal.BROADCASTER: "es ist dein eigener Kanal",
    Refusal.NOT_SUBSCRIBED: "VIP ist hier für Abonnenten",
    Refusal.FOLLOWS_TOO_SHORT: "folge dem Kanal noch etwas länger, um VIP zu werden",
    Refusal.NOT_ON_LIST: "VIP gibt es hier nur auf Einladung",
    Refusal.LISTED: "in diesem Kanal kannst du nicht VIP sein",
    Refusal.COOLDOWN: "du warst erst vor Kurzem VIP; versuch es später wieder",
    Refusal.ENOUGH: "du hast schon so viel VIP-Zeit, wie man haben kann",
    Refusal.TOO_FEW: "das ist zu wenig für VIP-Zeit",
    Refusal.PAUSED: "VIPs machen gerade Pause",
    Refusal.CROWDED: "gerade lösen zu viele gleichzeitig ein; versuch es später wieder",
    Refusal.WAITED: "es wurde nicht rechtzeitig ein VIP-Platz frei",
    Refusal.LEFT: "du stehst nicht mehr auf der Warteliste",
    Refusal.STREAM_OVER: "der Stream ist vorbei, und es wurde kein VIP-Platz frei",
    Refusal.NO_PARTY: "gerade ist keine Watchparty offen",
    Refusal.PARTY_IS_OPEN: "die Watchparty ist schon offen",
    Refusal.PARTY_ADDRESS: "schreib beim Einlösen die Internetadresse eines Videos",
    Refusal.PARTY_FULL: "die Warteschlange der Watchparty ist voll",
    Refusal.PARTY_VIPS: "in diese Watchparty kommen nur VIPs",
    Refusal.PARTY_BARRED: "an dieser Watchparty kannst du nicht teilnehmen",
    Refusal.REWARD_GONE: "diese Belohnung gibt es nicht mehr",
    Refusal.VIEWER_GONE: "Twitch kennt dieses Konto nicht mehr",
    Refusal.UNKNOWN: "wir konnten nicht herausfinden, ob du VIP sein darfst",
    Refusal.BROKEN: "das hat nicht geklappt",
}

FIELDS = {"reward": "Belohnung", "cost": "Punkte", "until": "VIP bis", "position": "Platz"}
EXAMPLE_REWARD = "VIP für eine Weile"
