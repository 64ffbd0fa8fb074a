"""How gateways are chosen, tried and compared."""

from services.api.http.routing import bandits, breakers, decisions, experiments, gateways, retries, scoring

ROUTES = (decisions.router, gateways.router, scoring.router, breakers.router, retries.router, experiments.router, bandits.router)
