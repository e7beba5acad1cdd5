#!/usr/bin/env node
'use strict';

const { mail } = require('../lib/mailer.js');
const { version } = require('../package.json');

const [to, template] = process.argv.slice(2);
console.log(to === undefined ? version : mail(to, template).text);
