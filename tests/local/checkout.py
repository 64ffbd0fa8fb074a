"""A checkout of stand-ins: every program and command that the runner starts, a few lines each, so that only the runner is tested."""

from pathlib import Path

SERVER = '''\
"""Answers 200 on every path of its port, writes one log line, and obeys FAKE_<NAME>: `exit N` ends it at once, `unready`
answers 503, `stubborn` does not end when asked."""
import http.server, json, os, signal, sys, threading

name, port = sys.argv[1], int(sys.argv[2])
order = os.environ.get("FAKE_" + name.upper(), "")
print(json.dumps({"at": "2026-01-01T00:00:00.000Z", "level": "info", "event": "started", "service": name}), flush=True)
if order.startswith("exit"):
    print("cannot start: " + order, flush=True)
    sys.exit(int(order.split()[1]))

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"checks": {"database": {"ok": order != "unready", "detail": "away"}}}).encode()
        self.send_response(503 if order == "unready" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
ending = (lambda *_: None) if order == "stubborn" else (lambda *_: threading.Thread(target=server.shutdown).start())
signal.signal(signal.SIGTERM, ending)
server.serve_forever(poll_interval=0.02)
print("stopped properly", flush=True)
'''
SERVICE = "import os, runpy, sys\nsys.argv = ['fake', {name!r}, os.environ['PAYMESH_OPS_PORT']]\nrunpy.run_path({server!r})\n"
SANDBOX = "import runpy, sys\nsys.argv = ['fake', 'sandbox', sys.argv[sys.argv.index('--port') + 1]]\nrunpy.run_path({server!r})\n"
# Every command leaves a line with what it was asked, and makes the files that are named as its results.
COMMAND = """\
import os, pathlib, sys
log = pathlib.Path(__file__).parents[{depth}] / "commands.log"
with log.open("a") as stream:
    stream.write(" ".join([{module!r}, *sys.argv[1:]]) + "\\n")
for option in ("--public", "--private"):
    if option in sys.argv:
        pathlib.Path(sys.argv[sys.argv.index(option) + 1]).write_text("key")
sys.exit(1 if os.environ.get("FAKE_COMMAND") == {module!r} else 0)
"""


def make_checkout(root: Path, services: tuple[str, ...]) -> Path:
    """Write it below `root`, and return that."""
    server = root / "server.py"
    server.parent.mkdir(parents=True, exist_ok=True)
    server.write_text(SERVER)
    for name in services:
        _write(root / "services" / name / "__main__.py", SERVICE.format(name=name, server=str(server)))
    _write(root / "deploy" / "sandbox" / "__main__.py", SANDBOX.format(server=str(server)))
    for module in ("shared.storage.migrate", "shared.topology", "shared.sealing", "services.api.seed", "services.notifier.seed"):
        parts = module.split(".")
        _write(root.joinpath(*parts).with_suffix(".py"), COMMAND.format(module=module, depth=len(parts) - 1))
    return root


def commands(root: Path) -> list[str]:
    """What was asked of the commands so far."""
    log = root / "commands.log"
    return log.read_text().splitlines() if log.exists() else []


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
