export default {
  error_title: "Não podemos mostrar esta página",
  error_text: "O Cuelight não conseguiu responder agora, ou não aceitou o que foi pedido. Os resgates são tratados mesmo assim: são anotados antes de respondermos à Twitch.",
  again: "Tentar de novo",
  missing_title: "Não há nada aqui",
  missing_text: "Não há página neste endereço. O link pode ser antigo, ou falta uma letra. Seus VIPs e todo o resto estão onde estavam.",
  activity: "Ver o que aconteceu",
  overview: "Abrir a visão geral",
};
