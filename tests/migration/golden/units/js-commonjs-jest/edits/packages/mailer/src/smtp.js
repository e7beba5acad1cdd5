'use strict';

const { log } = require('../../legacy/log');

// require('./fetch') would be the other way out.
exports.send = function send(message) {
  log('info', 'to ' + message.to);
  return { accepted: [message.to], text: message.text, id: 1 };
};