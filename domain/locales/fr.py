"""French. See `domain.locales` for what each table is."""

from domain.rules import Refusal

NAME = "Français"
UNITS = ("j", "h", "min", "s")
THIS_STREAM = "le reste de ce live"
COMMANDS = {"vip": ("vip",), "leave": ("quitter",)}

LINES = {
    "online": "Cuelight est là : échange une récompense VIP, et ton badge arrive tout seul.",
    "granted": "@{viewer} est VIP à partir de maintenant, pour {duration}. Profites-en bien !",
    "granted.stream": "@{viewer} est VIP à partir de maintenant, jusqu’à la fin de ce live. Profites-en bien !",
    "extended": "@{viewer} reste VIP : {duration} de plus, {left} en tout.",
    "extended.stream": "@{viewer} reste VIP jusqu’à la fin de ce live.",
    "ends_soon": "@{viewer}, ton temps VIP se termine bientôt : encore {left}.",
    "ended": "Le temps VIP de @{viewer} est terminé. Merci !",
    "waiting": "@{viewer}, toutes les places VIP sont prises. Tu as le numéro {position} sur la liste d’attente.",
    "admitted": "@{viewer}, une place VIP est à toi, pour {duration}. Merci d’avoir attendu !",
    "admitted.stream": "@{viewer}, une place VIP est à toi, jusqu’à la fin de ce live. Merci d’avoir attendu !",
    "let_go": "@{viewer}, {reason}. Tes points te sont rendus.",
    "refunded": "@{viewer}, {reason}. Tes points te sont rendus.",
    "refused": "@{viewer}, merci ! Pas de temps VIP cette fois : {reason}.",
    "removed_by_streamer": "@{viewer}, la chaîne a repris ton badge VIP.",
    "contributed": "@{viewer}, merci ! Te voilà VIP, pour {duration}.",
    "contributed.stream": "@{viewer}, merci ! Te voilà VIP, jusqu’à la fin de ce live.",
    "cancelled": "@{viewer}, la modération t’a rendu tes points, donc ce temps VIP est repris aussi.",
    "party_opened": "@{viewer} a ouvert la watch party. Entrez !",
    "party_queued": "@{viewer}, c’est dans la file de la watch party. Merci !",
    "vip_answer": "@{viewer}, tu es VIP encore {left}.",
    "vip_answer.stream": "@{viewer}, tu es VIP jusqu’à la fin de ce live.",
    "vip_answer.stream_and_after": "@{viewer}, tu es VIP pendant {left}.",
    "vip_answer.no_end": "@{viewer}, tu es VIP, sans date de fin.",
    "vip_answer_none": "@{viewer}, tu n’es pas VIP en ce moment. Échange « {reward} » ({cost} points) pour le devenir.",
    "vip_answer_none.no_reward": "@{viewer}, tu n’es pas VIP en ce moment.",
}

REASONS = {
    Refusal.SLOTS_FULL: "toutes les places VIP sont prises",
    Refusal.MODERATOR: "qui modère ne peut pas être VIP",
    Refusal.BLOCKED: "tu ne peux pas être VIP sur cette chaîne",
    Refusal.NOT_UNLOCKED: "cette chaîne n’a pas encore débloqué les VIP",
    Refusal.VIP_BY_HAND: "tu es déjà VIP",
    Refusal.BROADCASTER: "c’est ta propre chaîne",
    Refusal.NOT_SUBSCRIBED: "ici, le VIP est pour les abonnés",
    Refusal.FOLLOWS_TOO_SHORT: "suis la chaîne un peu plus longtemps pour devenir VIP",
    Refusal.NOT_ON_LIST: "ici, le VIP est sur invitation",
    Refusal.LISTED: "tu ne peux pas être VIP sur cette chaîne",
    Refusal.COOLDOWN: "tu étais VIP il n’y a pas longtemps ; réessaie plus tard",
    Refusal.ENOUGH: "tu as déjà tout le temps VIP que l’on peut avoir",
    Refusal.TOO_FEW: "c’est trop peu pour du temps VIP",
    Refusal.PAUSED: "les VIP sont en pause en ce moment",
    Refusal.CROWDED: "trop de monde échange en même temps ; réessaie plus tard",
    Refusal.WAITED: "aucune place VIP ne s’est libérée à temps",
    Refusal.LEFT: "tu n’es plus sur la liste d’attente",
    Refusal.STREAM_OVER: "le live est terminé et aucune place VIP ne s’est libérée",
    Refusal.NO_PARTY: "aucune watch party n’est ouverte en ce moment",
    Refusal.PARTY_IS_OPEN: "la watch party est déjà ouverte",
    Refusal.PARTY_ADDRESS: "écris l’adresse web d’une vidéo en échangeant cela",
    Refusal.PARTY_FULL: "la file de la watch party est pleine",
    Refusal.PARTY_VIPS: "cette watch party est réservée aux VIP",
    Refusal.PARTY_BARRED: "tu ne peux pas participer à cette watch party",
    Refusal.REWARD_GONE: "cette récompense n’existe plus",
    Refusal.VIEWER_GONE: "Twitch ne connaît plus ce compte",
    Refusal.UNKNOWN: "nous n’avons pas pu savoir si tu peux être VIP",
    Refusal.BROKEN: "cela n’a pas marché",
}

FIELDS = {"reward": "Récompense", "cost": "Points", "until": "VIP jusqu’à", "position": "Place"}
EXAMPLE_REWARD = "VIP pour un moment"
