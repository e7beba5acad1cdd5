'use strict';

module.exports = { ...require('./lib/mailer'), templates: require('./lib/templates') };
