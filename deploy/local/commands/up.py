"""`./paymesh up`: the whole mesh, from nothing to one payment followed."""

import signal
import subprocess
import sys
import threading
import time
from typing import Annotated

from cyclopts import Parameter

from deploy.local.commands.options import InstanceName
from deploy.local.commands.pay import show as show_journey
from deploy.local.commands.status import show as show_status
from deploy.local.commands.status import where
from deploy.local.console import Follower, complain, err, notice, out, render, shown
from deploy.local.errors import LocalError
from deploy.local.instance import DEFAULT, ROOT, Instance
from deploy.local.journey import Order, travel
from deploy.local.mesh import Mesh
from deploy.local.programs import SANDBOX, SERVICES
from deploy.local.status import MeshStatus, read_status, written_status

LOOK_EVERY_S = 0.2
DEMO_PATIENCE_S = 20.0


def up(
    *,
    detach: Annotated[bool, Parameter(negative="", help="Return when it is ready; `./paymesh down` ends it.")] = False,
    instance: InstanceName = DEFAULT,
) -> int:
    """Start the mesh: PostgreSQL, RabbitMQ, the sandbox and every service, then make one payment and show its journey.

    Keeps running and shows the logs until Ctrl-C, which ends everything in order.
    """
    found = Instance.named(instance)
    if found.is_held():
        now = read_status(found)
        out.print(f"the instance {instance!r} is {'up already' if now and now.state == 'running' else 'held by a runner'}")
        if now:
            show_status(now)
        return 0
    return _in_background(found) if detach else _in_foreground(found)


def _in_foreground(instance: Instance) -> int:
    mesh = _started(instance, "starting the mesh")
    if mesh is None:
        return 130
    follower = Follower({name: instance.log(name) for name in (*SERVICES, SANDBOX)})
    try:
        _welcome(mesh.status())
        out.print("the mesh runs; Ctrl-C ends it\n", style="dim")
        while True:
            for name, line in follower.lines():
                out.print(render(name, line))
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        pass
    finally:
        _stop(mesh)
    return 0


def supervise(*, instance: InstanceName = DEFAULT) -> int:
    """What `up --detach` leaves running: the same, without anybody looking."""
    mesh = _started(Instance.named(instance), "starting the mesh")
    if mesh is None:
        return 130
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        _stop(mesh)
    return 0


def _started(instance: Instance, title: str) -> Mesh | None:
    """The mesh, ready; None when it was interrupted. SIGTERM and a closed terminal end it like Ctrl-C."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is not signal.SIG_IGN:  # nohup wants it to stay
            signal.signal(ending, signal.default_int_handler)
    mesh = Mesh(instance.folder, notice=notice, call_back=True)
    try:
        with shown(title) as progress:
            mesh.start(progress)
    except KeyboardInterrupt:
        err.print("stopped before it was ready")
        return None
    return mesh


def _stop(mesh: Mesh) -> None:
    try:
        with shown("stopping the mesh (again Ctrl-C: at once)") as progress:
            mesh.stop(progress)
    except KeyboardInterrupt:
        mesh.abandon()
        mesh.stop()
        err.print("killed what had not ended; nothing that was promised is lost by it")


def _welcome(now: MeshStatus) -> None:
    """The demo payment and where to go from here. A payment that fails to travel is said, and no reason to stop."""
    out.print("\none payment, followed:\n", style="bold")
    try:
        show_journey(travel(now, Order(), DEMO_PATIENCE_S))
    except LocalError as error:
        complain(error)
    out.print()
    out.print(where(now))


def _in_background(instance: Instance) -> int:
    """Start `supervise` on its own, show what it says until it is ready, and leave it."""
    log = instance.log("runner")
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("")  # what earlier runners said is of no use now
    follower = Follower({"runner": log})
    with log.open("ab") as output:
        command = [sys.executable, "-m", "deploy.local", "supervise", "--instance", instance.name]
        runner = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        while True:
            ended, now = runner.poll() is not None, written_status(instance)
            for _, line in follower.lines():
                err.print(line, markup=False)
            if ended:
                return 1
            if now and (now.state, now.runner) == ("running", runner.pid):
                break
            time.sleep(LOOK_EVERY_S)
    except KeyboardInterrupt:
        runner.terminate()
        runner.wait()
        return 130
    _welcome(now)
    out.print("it runs in the background: ./paymesh status, ./paymesh logs -f, ./paymesh down")
    return 0
