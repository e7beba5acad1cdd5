#!/usr/bin/env node
import { main } from "../src/cli.js"

console.log(main(process.argv.slice(2)))