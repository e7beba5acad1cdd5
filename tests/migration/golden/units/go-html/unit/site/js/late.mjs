export const start = async (draw) => {
  const cards = await (await fetch("/api/board/cards")).json();
  draw(document.querySelector("#chart"), cards);
};