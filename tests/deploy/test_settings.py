"""Every process is told what its code asks for, in a form that its code takes, and nothing that no code reads.

A new required setting fails here until deploy/docker/compose.yaml and deploy/k8s set it: what is secret goes into
components/demo-secrets, what all share into the ConfigMap paymesh-settings, the rest beside the command.
"""

import os
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from unittest import mock

import pytest
from pydantic import ValidationError

from shared import accounts
from shared.settings import Waiting
from tests.deploy import composition
from tests.deploy.cluster import CLUSTERS
from tests.deploy.house import ACCOUNTS, COMMANDS, known_variables, reads_accounts, settings_of, variables_of
from tests.deploy.places import ROOT
from tests.deploy.process import Process

MESHES: Mapping[str, Mapping[str, Process]] = {
    "compose": composition.processes(),
    **{name: cluster.processes for name, cluster in CLUSTERS.items()},
}
EVERY = [pytest.param(one, id=one.where) for processes in MESHES.values() for one in processes.values()]
SERVICES = [pytest.param(one, id=one.where) for processes in MESHES.values() for one in processes.values() if one.service]


def asked_by(process: Process) -> set[str]:
    """Variables that its code may read."""
    if process.service is None:
        return COMMANDS[process.module]
    keys = {name for gateway in process.gateways for name in account_variables(gateway)}
    return known_variables(process.service) | (keys if process.service == "executor" else set())


def account_variables(gateway: str) -> set[str]:
    """The ${NAME}s of an account, whatever this process' own environment happens to hold."""
    with mock.patch.dict(os.environ, clear=True):
        return {
            name
            for account in accounts.load(ROOT / "deploy" / "gateways.toml")
            if account.name == gateway
            for name in account.missing_variables()
        }


@pytest.mark.parametrize("process", EVERY)
def test_it_is_told_nothing_that_it_does_not_read(process: Process) -> None:
    assert sorted(name for name in process.environment.keys() - asked_by(process) if name.startswith("PAYMESH_")) == []


@pytest.mark.parametrize("process", SERVICES)
def test_its_settings_are_complete_and_valid(process: Process) -> None:
    with mock.patch.dict(os.environ, process.environment, clear=True):
        for settings in settings_of(process.reader):
            try:
                settings()
            except ValidationError as error:
                wrong = [f"{settings.model_config.get('env_prefix')}{one['loc'][0]}".upper() + f": {one['msg']}" for one in error.errors()]
                pytest.fail(f"{process.where}: {'; '.join(wrong)}")


@pytest.mark.parametrize("process", EVERY)
def test_a_command_has_its_variables(process: Process) -> None:
    if process.service is None:
        assert sorted(COMMANDS[process.module] - process.environment.keys() - {"PAYMESH_GATEWAYS_FILE", "PAYMESH_WEBHOOK_SECRET"}) == []


@pytest.mark.parametrize("process", SERVICES)
def test_every_file_that_it_is_told_of_is_mounted(process: Process) -> None:
    variables = variables_of(*settings_of(process.reader))
    files = {name for name, (settings, field) in variables.items() if settings.model_fields[field].annotation is Path}
    assert {name: path for name in files if (path := process.environment.get(name)) and not process.has(path)} == {}


@pytest.mark.parametrize("process", SERVICES)
def test_an_executor_can_speak_to_its_accounts(process: Process) -> None:
    if process.service == "executor" and process.is_service:
        assert process.gateways, f"{process.where} serves every account: one executor per account, by PAYMESH_EXECUTOR_GATEWAYS"
        assert set(process.gateways) <= ACCOUNTS.keys()
        missing = {name for gateway in process.gateways for name in account_variables(gateway)} - process.environment.keys()
        assert missing == set(), f"{process.where}: gateways.toml asks for {missing}"


@pytest.mark.parametrize("name", CLUSTERS)
def test_who_reads_accounts_reads_the_mounted_ones(name: str) -> None:
    """Else the copy in the image would be read, which an operator's change does not reach."""
    readers = [
        one for one in MESHES[name].values() if one.module == "shared.topology" or (one.is_service and reads_accounts(one.service or ""))
    ]
    assert len(readers) >= 3
    assert [one.where for one in readers if not one.has(one.environment.get("PAYMESH_GATEWAYS_FILE", ""))] == []


@pytest.mark.parametrize("name", MESHES)
def test_they_agree_on_how_long_to_wait(name: str) -> None:
    """The router sets deadlines that executors keep: one of them told otherwise would break both."""
    said: dict[str, set[str | None]] = defaultdict(set)
    for process in MESHES[name].values():
        if process.service and Waiting in settings_of(process.reader):
            for variable in variables_of(Waiting):
                said[variable].add(process.environment.get(variable))
    assert said
    assert {variable: values for variable, values in said.items() if len(values) > 1} == {}


@pytest.mark.parametrize("name", MESHES)
def test_a_service_has_a_database_of_its_own(name: str) -> None:
    urls: dict[str, set[str]] = defaultdict(set)
    for process in MESHES[name].values():
        if url := process.environment.get("PAYMESH_DATABASE_URL"):
            urls[process.service or process.command[3]].add(url)
    assert {service: sorted(found) for service, found in urls.items() if len(found) > 1} == {}
    assert {service: url for service, (url,) in urls.items() if not url.endswith(f"/paymesh_{service}")} == {}
    assert len({url for found in urls.values() for url in found}) == len(urls)
