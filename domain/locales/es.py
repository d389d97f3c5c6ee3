"""Spanish. See `domain.locales` for what each table is."""

from domain.rules import Refusal

NAME = "Español"
UNITS = ("d", "h", "min", "s")
THIS_STREAM = "el resto de este directo"
COMMANDS = {"vip": ("vip",), "leave": ("salir",)}

LINES = {
    "online": "Cuelight está en marcha: canjea una recompensa VIP y tu insignia llega sola.",
    "granted": "@{viewer} es VIP desde ahora, durante {duration}. ¡Que lo disfrutes!",
    "granted.stream": "@{viewer} es VIP desde ahora, hasta que termine este directo. ¡Que lo disfrutes!",
    "extended": "@{viewer} sigue siendo VIP: {duration} más, {left} en total.",
    "extended.stream": "@{viewer} sigue siendo VIP hasta que termine este directo.",
    "ends_soon": "@{viewer}, tu tiempo VIP se acaba pronto: te quedan {left}.",
    "ended": "El tiempo VIP de @{viewer} ha terminado. ¡Gracias!",
    "waiting": "@{viewer}, todos los puestos VIP están ocupados. Tienes el número {position} en la lista de espera.",
    "admitted": "@{viewer}, ya tienes tu puesto VIP, durante {duration}. ¡Gracias por esperar!",
    "admitted.stream": "@{viewer}, ya tienes tu puesto VIP, hasta que termine este directo. ¡Gracias por esperar!",
    "let_go": "@{viewer}, {reason}. Se te han devuelto los puntos.",
    "refunded": "@{viewer}, {reason}. Se te han devuelto los puntos.",
    "refused": "@{viewer}, ¡gracias! Esta vez no da tiempo VIP: {reason}.",
    "removed_by_streamer": "@{viewer}, el canal te ha retirado la insignia VIP.",
    "contributed": "@{viewer}, ¡gracias! Eres VIP desde ahora, durante {duration}.",
    "contributed.stream": "@{viewer}, ¡gracias! Eres VIP desde ahora, hasta que termine este directo.",
    "cancelled": "@{viewer}, moderación te ha devuelto los puntos, así que se retira también este tiempo VIP.",
    "party_opened": "@{viewer} ha abierto la watch party. ¡Entrad!",
    "party_queued": "@{viewer}, ya está en la cola de la watch party. ¡Gracias!",
    "vip_answer": "@{viewer}, te quedan {left} de VIP.",
    "vip_answer.stream": "@{viewer}, eres VIP hasta que termine este directo.",
    "vip_answer.stream_and_after": "@{viewer}, eres VIP durante {left}.",
    "vip_answer.no_end": "@{viewer}, eres VIP, sin fecha de fin.",
    "vip_answer_none": "@{viewer}, ahora mismo no eres VIP. Canjea «{reward}» por {cost} puntos para serlo.",
    "vip_answer_none.no_reward": "@{viewer}, ahora mismo no eres VIP.",
}

REASONS = {
    Refusal.SLOTS_FULL: "todos los puestos VIP están ocupados",
    Refusal.MODERATOR: "quien modera no puede ser VIP",
    Refusal.BLOCKED: "no puedes ser VIP en este canal",
    Refusal.NOT_UNLOCKED: "este canal aún no ha desbloqueado los VIP",
    Refusal.VIP_BY_HAND: "ya eres VIP",
    Refusal.BROADCASTER: "es tu propio canal",
    Refusal.NOT_SUBSCRIBED: "aquí el VIP es para suscriptores",
    Refusal.FOLLOWS_TOO_SHORT: "sigue el canal un poco más de tiempo para ser VIP",
    Refusal.NOT_ON_LIST: "aquí el VIP es solo con invitación",
    Refusal.LISTED: "no puedes ser VIP en este canal",
    Refusal.COOLDOWN: "fuiste VIP hace poco; inténtalo más tarde",
    Refusal.ENOUGH: "ya tienes todo el tiempo VIP que se puede tener",
    Refusal.TOO_FEW: "eso no alcanza para tiempo VIP",
    Refusal.PAUSED: "los VIP están en pausa en este momento",
    Refusal.CROWDED: "demasiada gente canjea a la vez; inténtalo más tarde",
    Refusal.WAITED: "no quedó libre ningún puesto VIP a tiempo",
    Refusal.LEFT: "ya no estás en la lista de espera",
    Refusal.STREAM_OVER: "el directo ha terminado y no quedó libre ningún puesto VIP",
    Refusal.NO_PARTY: "ahora mismo no hay ninguna watch party abierta",
    Refusal.PARTY_IS_OPEN: "la watch party ya está abierta",
    Refusal.PARTY_ADDRESS: "escribe la dirección web de un vídeo al canjear esto",
    Refusal.PARTY_FULL: "la cola de la watch party está llena",
    Refusal.PARTY_VIPS: "en esta watch party solo entran los VIP",
    Refusal.PARTY_BARRED: "no puedes participar en esta watch party",
    Refusal.REWARD_GONE: "esta recompensa ya no existe",
    Refusal.VIEWER_GONE: "Twitch ya no conoce esta cuenta",
    Refusal.UNKNOWN: "no hemos podido averiguar si puedes ser VIP",
    Refusal.BROKEN: "no ha funcionado",
}

FIELDS = {"reward": "Recompensa", "cost": "Puntos", "until": "VIP hasta", "position": "Puesto"}
EXAMPLE_REWARD = "VIP por un rato"
