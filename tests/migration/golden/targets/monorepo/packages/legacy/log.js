'use strict';

/** Writes one JSON object a line. */
exports.log = (level, message) => console.log(JSON.stringify({ level, message }));
