"""`python -m deploy.faults.mutant GUARD[,GUARD…] services.NAME`: one service with guards switched off. It takes money without them."""

import argparse
import runpy
import sys

from deploy.faults.guards import GUARDS


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.faults.mutant", description=__doc__)
    parser.add_argument("guards", metavar="GUARD[,GUARD…]", help=f"what is switched off: {', '.join(GUARDS)}")
    parser.add_argument("service", metavar="services.NAME", help="the service that runs without them")
    given = parser.parse_args(arguments)
    for name in given.guards.split(","):
        if name not in GUARDS:
            parser.error(f"no guard {name!r}")
        GUARDS[name]()
    runpy.run_module(given.service, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1:])
