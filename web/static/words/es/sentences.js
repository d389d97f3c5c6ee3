export default {
  they_read: "Leen en el chat",
  silent: "No se dice nada en el chat sobre esto: apagaste ese mensaje.",
};
