export default {
  error_title: "Nous ne pouvons pas afficher cette page",
  error_text: "Cuelight n’a pas pu répondre à l’instant, ou n’a pas accepté la demande. Les échanges sont traités quand même : ils sont notés avant que nous répondions à Twitch.",
  again: "Réessayer",
  missing_title: "Rien n’habite ici",
  missing_text: "Il n’y a pas de page à cette adresse. Le lien est peut-être ancien, ou une lettre manque. Tes VIP et tout le reste sont là où ils étaient.",
  activity: "Voir ce qui s’est passé",
  overview: "Ouvrir l’aperçu",
};
