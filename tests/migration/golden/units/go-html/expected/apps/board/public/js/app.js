import { draw } from "./chart.js"
import("./late.mjs").then(({ start }) => start(draw))
