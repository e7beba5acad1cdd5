"""Front end or back end: by what a package depends on, then by the name of its folder. Pure."""

import re
from typing import Literal

from repo_agent_dagster.pathways.setup.facts import RepositoryFacts, table
from repo_agent_dagster.pathways.suites.detection import TestCommand

Side = Literal["frontend", "backend", "unknown"]

_FRONT = re.compile(
    r"react(?:-dom|-scripts)?|preact|vue|nuxt|svelte|@sveltejs/kit|next|solid-js|lit|@angular/core|ember-source|astro"
    r"|@testing-library/(?:dom|react|vue|svelte)|jsdom|happy-dom|jest-environment-jsdom|@playwright/test|cypress"
)
_BACK = re.compile(
    r"express|fastify|koa|hono|@hapi/hapi|@nestjs/core|restify|polka|apollo-server|@apollo/server|pg|mysql2?|mongoose"
    r"|prisma|@prisma/client|knex|typeorm|sequelize|drizzle-orm|wrangler|@cloudflare/workers-types|supertest"
)
_FRONT_FOLDERS = frozenset({"web", "webapp", "website", "frontend", "front-end", "front", "client", "ui", "dashboard"})
_BACK_FOLDERS = frozenset({"server", "api", "backend", "back-end", "back", "service", "services", "worker", "workers"})


def side_of(facts: RepositoryFacts, command: TestCommand) -> Side:
    """Return what a suite tests; `unknown` where neither its package nor its folder says so."""
    if command.runner == "playwright":
        return "frontend"
    if command.ecosystem == "python" or command.runner in ("go", "cargo"):
        return "backend"
    package = facts.package_json(command.folder)
    kinds = ("dependencies", "devDependencies", "peerDependencies")
    names = {name for kind in kinds for name in table(package, kind)}
    front, back = (any(pattern.fullmatch(name) for name in names) for pattern in (_FRONT, _BACK))
    if front != back:
        return "frontend" if front else "backend"
    folders = set(command.folder.lower().split("/"))
    in_front, in_back = bool(folders & _FRONT_FOLDERS), bool(folders & _BACK_FOLDERS)
    if in_front != in_back:
        return "frontend" if in_front else "backend"
    return "frontend" if front else "unknown"
