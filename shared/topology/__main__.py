"""`python -m shared.topology` draws the mesh; `python -m shared.topology declare` makes it true on the broker."""

import asyncio
import os
import sys
from pathlib import Path

from shared import accounts, topology

USAGE = """usage: python -m shared.topology [declare]

  (nothing)  print exchanges, queues and who hears what, from the data
  declare    declare them on the broker (PAYMESH_RABBITMQ_URL, PAYMESH_GATEWAYS_FILE)
"""


def draw(gateways: list[str]) -> str:
    lines = [f"gateway accounts: {', '.join(gateways)}", ""]
    for exchange in (topology.COMMANDS, topology.EVENTS):
        lines.append(exchange)
        for inlet in topology.inlets(gateways):
            if inlet.exchange == exchange:
                lines.append(f"  ▶ {inlet.queue}  (prefetch {inlet.prefetch}, rejected ▶ {inlet.dead_queue})")
                lines += [f"      {key}" for key in inlet.routing_keys]
        lines.append("")
    lines.append("who says what")
    for service, kinds in topology.SAYS.items():
        lines.append(f"  {service:10} {', '.join(kind.kind_of() for kind in kinds) or '(nothing through an outbox)'}")
    lines += ["", "who answers questions", *(f"  ▶ {topology.questions_of(owner)}" for owner in topology.ANSWER)]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    gateways_file = Path(os.environ.get("PAYMESH_GATEWAYS_FILE", "deploy/gateways.toml"))
    match arguments:
        case []:
            sys.stdout.write(draw([account.name for account in accounts.load(gateways_file)]) + "\n")
        case ["declare"]:
            from shared.messaging.declare import declare_at

            asyncio.run(declare_at(os.environ["PAYMESH_RABBITMQ_URL"], gateways_file))
        case _:
            sys.stdout.write(USAGE)
            return 0 if arguments in (["--help"], ["-h"]) else 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
