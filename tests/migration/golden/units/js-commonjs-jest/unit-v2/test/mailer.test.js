const { mail } = require('../lib/mailer');

jest.mock('../lib/smtp', () => ({
  ...jest.requireActual('../lib/smtp'),
  send: jest.fn((message) => message),
}));

beforeEach(() => jest.resetModules());

test('a mail says hello', () => {
  expect(mail('ann@example.com', 'welcome').text).toBe('Hello ann');
  expect(require('../lib/smtp').send).toHaveBeenCalledTimes(1);
});

test('a mail speaks German', () => {
  jest.doMock('../lib/locales/de.json', () => ({ greeting: 'Moin' }));
  const { mail: again } = require('../lib/mailer');
  expect(again('ann@example.com', 'welcome', 'de').text).toBe('Moin ann');
});

// A look-alike: jest.mock('../lib/nowhere') in a comment, and a string.
const hint = "jest.mock('../lib/smtp')";
test('a hint is a hint', () => expect(hint).toMatch(/smtp/));
