"""``runners.handlerModules``: which code tasks may name, as an environment variable of every runner."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evertask_runner.origins import ENV_HANDLER_MODULES
from tests.support.chart import ChartRefusedError, only, render

MODULES = ("--set", "runners.handlerModules={shop.handlers,mails}")
OF_THE_USERS = (
    "--set-json",
    'runner.podTemplate={"spec":{"containers":[{"name":"runner","env":[{"name":"MODE","value":"$(X)"}]}]}}',
)


def environment(*options: str) -> Any:
    """The environment of the runners' container, as the operator is told it; None where it has none."""
    settings = json.loads(only(render(*options), "ConfigMap")["data"]["settings.json"])
    return settings["runner"]["podTemplate"]["spec"]["containers"][0].get("env")


def test_without_it_runners_have_no_variable():
    assert environment() is None


def test_it_is_a_variable_of_every_runner():
    assert environment(*MODULES) == [{"name": ENV_HANDLER_MODULES, "value": "shop.handlers,mails"}]


def test_an_environment_of_the_users_own_stays():
    assert [one["name"] for one in environment(*MODULES, *OF_THE_USERS)] == [ENV_HANDLER_MODULES, "MODE"]


def test_an_environment_of_the_users_own_stays_alone_without_it():
    assert environment(*OF_THE_USERS) == [{"name": "MODE", "value": "$(X)"}]


@pytest.mark.parametrize("module", ["shop:run", "shop/x", "a..b", "$(X)", "*", ""])
def test_what_is_no_module_is_refused(module):
    with pytest.raises(ChartRefusedError, match="handlerModules"):
        render("--set-json", f"runners.handlerModules={json.dumps([module])}")
