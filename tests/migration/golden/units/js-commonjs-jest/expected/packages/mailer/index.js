'use strict';

module.exports = { ...require('./src/mailer'), templates: require('./src/templates') };
