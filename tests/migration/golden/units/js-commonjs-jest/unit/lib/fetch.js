'use strict';

exports.send = (message) => fetch('/api/mail/send', { method: 'POST', body: JSON.stringify(message) });
