import { line } from './line.js';

const list = document.querySelector('#messages');
const answer = await fetch('/api/rooms/list?room=main');
for (const message of await answer.json()) {
  list.append(line(message));
}
