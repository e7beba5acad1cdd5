/** @type {import('jest').Config} */
module.exports = {
  testMatch: ['<rootDir>/test/**/*.test.js'],
  moduleNameMapper: { '^@lib/(.*)$': '<rootDir>/src/$1' },
};
