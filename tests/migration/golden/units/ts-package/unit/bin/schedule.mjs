#!/usr/bin/env node
import { main } from "../lib/cli.js"

console.log(main(process.argv.slice(2)))