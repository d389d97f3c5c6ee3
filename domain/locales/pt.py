"""Portuguese as it is spoken in Brazil. See `domain.locales` for what each table is."""

from domain.rules import Refusal

NAME = "Português"
UNITS = ("d", "h", "min", "s")
THIS_STREAM = "o resto desta live"
COMMANDS = {"vip": ("vip",), "leave": ("sair",)}

LINES = {
    "online": "O Cuelight está ligado: resgate uma recompensa VIP, e seu emblema chega sozinho.",
    "granted": "@{viewer} agora é VIP, por {duration}. Aproveite!",
    "granted.stream": "@{viewer} agora é VIP, até o fim desta live. Aproveite!",
    "extended": "@{viewer} continua VIP: mais {duration}, {left} no total.",
    "extended.stream": "@{viewer} continua VIP até o fim desta live.",
    "ends_soon": "@{viewer}, seu tempo de VIP está acabando: faltam {left}.",
    "ended": "O tempo de VIP de @{viewer} acabou. Obrigado!",
    "waiting": "@{viewer}, todas as vagas de VIP estão ocupadas. Você é o número {position} na lista de espera.",
    "admitted": "@{viewer}, a vaga de VIP é sua, por {duration}. Obrigado por esperar!",
    "admitted.stream": "@{viewer}, a vaga de VIP é sua, até o fim desta live. Obrigado por esperar!",
    "let_go": "@{viewer}, {reason}. Seus pontos foram devolvidos.",
    "refunded": "@{viewer}, {reason}. Seus pontos foram devolvidos.",
    "refused": "@{viewer}, obrigado! Desta vez não vale tempo de VIP: {reason}.",
    "removed_by_streamer": "@{viewer}, o canal tirou seu emblema de VIP.",
    "contributed": "@{viewer}, obrigado! Agora você é VIP, por {duration}.",
    "contributed.stream": "@{viewer}, obrigado! Agora você é VIP, até o fim desta live.",
    "cancelled": "@{viewer}, a moderação devolveu seus pontos, então esse tempo de VIP também foi retirado.",
    "party_opened": "@{viewer} abriu a watch party. Podem entrar!",
    "party_queued": "@{viewer}, já está na fila da watch party. Obrigado!",
    "vip_answer": "@{viewer}, você é VIP por mais {left}.",
    "vip_answer.stream": "@{viewer}, você é VIP até o fim desta live.",
    "vip_answer.stream_and_after": "@{viewer}, você é VIP durante {left}.",
    "vip_answer.no_end": "@{viewer}, você é VIP, sem data para acabar.",
    "vip_answer_none": "@{viewer}, você não é VIP agora. Resgate “{reward}” por {cost} pontos para virar VIP.",
    "vip_answer_none.no_reward": "@{viewer}, você não é VIP agora.",
}

REASONS = {
    Refusal.SLOTS_FULL: "todas as vagas de VIP estão ocupadas",
    Refusal.MODERATOR: "quem modera não pode ser VIP",
    Refusal.BLOCKED: "você não pode ser VIP neste canal",
    Refusal.NOT_UNLOCKED: "este canal ainda não desbloqueou os VIPs",
    Refusal.VIP_BY_HAND: "você já é VIP",
    Refusal.BROADCASTER: "o canal é seu",
    Refusal.NOT_SUBSCRIBED: "aqui o VIP é para inscritos",
    Refusal.FOLLOWS_TOO_SHORT: "siga o canal por mais um tempo para virar VIP",
    Refusal.NOT_ON_LIST: "aqui o VIP é só para convidados",
    Refusal.LISTED: "você não pode ser VIP neste canal",
    Refusal.COOLDOWN: "você foi VIP há pouco; tente mais tarde",
    Refusal.ENOUGH: "você já tem todo o tempo de VIP que se pode ter",
    Refusal.TOO_FEW: "isso é pouco para ganhar tempo de VIP",
    Refusal.PAUSED: "os VIPs estão em pausa no momento",
    Refusal.CROWDED: "gente demais está resgatando ao mesmo tempo; tente mais tarde",
    Refusal.WAITED: "nenhuma vaga de VIP abriu a tempo",
    Refusal.LEFT: "você saiu da lista de espera",
    Refusal.STREAM_OVER: "a live acabou e nenhuma vaga de VIP abriu",
    Refusal.NO_PARTY: "nenhuma watch party está aberta agora",
    Refusal.PARTY_IS_OPEN: "a watch party já está aberta",
    Refusal.PARTY_ADDRESS: "escreva o endereço web de um vídeo ao resgatar isto",
    Refusal.PARTY_FULL: "a fila da watch party está cheia",
    Refusal.PARTY_VIPS: "nesta watch party só entram VIPs",
    Refusal.PARTY_BARRED: "você não pode participar desta watch party",
    Refusal.REWARD_GONE: "esta recompensa não existe mais",
    Refusal.VIEWER_GONE: "a Twitch não conhece mais esta conta",
    Refusal.UNKNOWN: "não conseguimos descobrir se você pode ser VIP",
    Refusal.BROKEN: "isso não funcionou",
}

FIELDS = {"reward": "Recompensa", "cost": "Pontos", "until": "VIP até", "position": "Lugar"}
EXAMPLE_REWARD = "VIP por um tempo"
