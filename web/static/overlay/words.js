// What the overlay says, by language of the channel. `units`: days, hours, minutes, seconds.
const EN = {
  latest: "Newest VIP",
  next: "Next to leave",
  stale: "This overlay's address is not in force any more. Copy it from Cuelight's settings again.",
  units: ["d", "h", "min", "s"],
};

const WORDS = {
  en: EN,
  es: { latest: "VIP más reciente", next: "El próximo en salir", stale: "La dirección de este overlay ya no vale. Cópiala otra vez de los ajustes de Cuelight.", units: ["d", "h", "min", "s"] },
  fr: { latest: "Dernier VIP", next: "Prochain départ", stale: "L’adresse de cet overlay n’est plus valable. Copie-la à nouveau dans les réglages de Cuelight.", units: ["j", "h", "min", "s"] },
  pt: { latest: "VIP mais novo", next: "Próximo a sair", stale: "O endereço deste overlay não vale mais. Copie de novo nas configurações do Cuelight.", units: ["d", "h", "min", "s"] },
  de: { latest: "Neuester VIP", next: "Geht als Nächstes", stale: "Die Adresse dieses Overlays gilt nicht mehr. Kopiere sie noch einmal aus den Einstellungen von Cuelight.", units: ["T", "Std", "Min", "s"] },
};

/** The words of a language; English for one that there are none of. */
export const wordsOf = (language) => WORDS[language] ?? EN;

const SIZES = [86_400_000, 3_600_000, 60_000, 1000];

/** The two largest units that are not zero: "2 d 4 h", "20 s"; rounded up to whole seconds. */
export function span(milliseconds, units) {
  let rest = Math.ceil(Math.max(0, milliseconds) / 1000) * 1000;
  const parts = [];
  for (const [at, size] of SIZES.entries()) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${units[at]}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(" ") || `0 ${units[3]}`;
}
