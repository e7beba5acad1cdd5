export function line({ author, text }) {
  const item = document.createElement('li');
  item.textContent = `${author}: ${text}`;
  return item;
}
