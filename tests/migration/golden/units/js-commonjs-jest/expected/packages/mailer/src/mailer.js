'use strict'

const smtp = require('./smtp'), templates = require('./templates/')

/** Sends one mail in the reader's language. */
function mail(to, name, language = 'en') {
  const locale = require(`./locales/${language}.json`)
  const text = templates.fill(name, { ...locale, who: to.split('@')[0] })
  return smtp.send({ to, text })
}

module.exports = { mail, transport: () => require.resolve('./smtp') }
