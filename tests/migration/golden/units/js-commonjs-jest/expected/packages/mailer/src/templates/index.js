'use strict';

const { readFileSync } = require('node:fs');
const path = require('node:path');

exports.fill = (name, values) => {
  const text = readFileSync(path.join(__dirname, `${name}.txt`), 'utf8');
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
};
