'use strict';

exports.send = (message) => fetch('/api/mailer/send', { method: 'POST', body: JSON.stringify(message) });
