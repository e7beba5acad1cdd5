export const draw = (canvas, cards) => {
  canvas.title = `${cards.length} cards`;
};
