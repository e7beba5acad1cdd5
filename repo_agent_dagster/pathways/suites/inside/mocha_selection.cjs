// Required by mocha where only some of the tests are asked for: the others are skipped, and marked as not ours.
"use strict";
const { asked } = require("./node_hook.cjs");

exports.mochaHooks = {
  beforeEach() {
    const test = this.currentTest;
    if (test.file && !asked(test.file)) {
      test.notAskedFor = true;
      this.skip();
    }
  },
};
