const lib = '../lib/templates';
const templates = require(lib);
const { fill } = require('../lib/templates/index.js');

test('what is unknown stays', () => expect(fill('welcome', {})).toBe('{greeting} {who}'));
test('both are one', () => expect(templates.fill).toBe(fill));
