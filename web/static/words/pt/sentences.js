export default {
  they_read: "Eles leem no chat",
  silent: "Nada é dito no chat sobre isso: você desligou essa mensagem.",
};
