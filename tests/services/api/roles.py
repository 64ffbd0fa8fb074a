"""Every route and who may call it, from the routes themselves. `python -m tests.services.api.roles > docs/roles.md` writes the page."""

import inspect
import sys

from services.api.http.layer import Role
from services.api.http.layer.routes import Route
from services.api.wiring import GROUPS

ROUTES: dict[str, Route] = {f"{route.method} {route.path}": route for group in GROUPS for route in group.routes}
COLUMNS = (Role.MERCHANT, Role.PUBLISHABLE, Role.PAYER, Role.LISTENER, Role.OPERATOR)
HEAD = """# Who may call what

Written from the routes by `python -m tests.services.api.roles > docs/roles.md`, and held to them by
[a test](../tests/services/api/test_roles.py), which also calls every route as everybody.

| role | sends | is |
|---|---|---|
| merchant | `X-Api-Key` and `X-Api-Secret`, or both as HTTP Basic | a merchant's server |
| publishable | `X-Api-Key`, a publishable one, from one of the merchant's pages | [a browser](api.md#checkout) that shows an order |
| payer | that key and `X-Client-Secret` | a browser with the secret of one order |
| listener | `?ticket=` | a browser that [listens](api.md#live-events), for one minute to begin with |
| operator | `X-Internal-Api-Key` | a person or program [of ours](api.md#operators), by name |

No role includes another. Without credentials, or with wrong ones, the answer is 401; with those of a role that has no mark, 403. What is
another merchant's is 404, whatever it is.

"""


def page() -> str:
    lines = ["| route | " + " | ".join([*COLUMNS, "anybody"]) + " | |", "|---|" + ":-:|" * (len(COLUMNS) + 1) + "---|"]
    for name, route in sorted(ROUTES.items(), key=lambda item: (item[1].path, item[1].method)):
        marks = ["×" if role in route.needs else "" for role in (*COLUMNS, Role.PUBLIC)]
        summary = (inspect.getdoc(route.function) or "").partition("\n")[0]
        lines.append(f"| `{name}` | {' | '.join(marks)} | {summary} |")
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
