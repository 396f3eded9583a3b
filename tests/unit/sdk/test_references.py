"""Where a task is looked for, by what a caller says of it."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from evertask import Registration, TaskId
from evertask.api.keys import key_id
from evertask.references import Reference, reference_of

ID = UUID("5c6d7a2e-0000-4000-8000-000000000001")
KEYED = TaskId(ID, name="nightly", outcome=Registration.CREATED)


@pytest.mark.parametrize(
    ("ref", "key", "reference"),
    [
        pytest.param(ID, None, Reference(f"task {ID}", (f"task-{ID}",), ID), id="uuid"),
        pytest.param(KEYED, None, Reference(f"task {ID}", ("nightly",)), id="task-id"),
        pytest.param("nightly", None, Reference("task nightly", ("nightly",)), id="name"),
        pytest.param(
            str(ID), None, Reference(f"task {ID}", (str(ID), f"task-{ID}"), ID), id="uuid-kept-as-text"
        ),
        pytest.param(
            f"task-{ID}", None, Reference(f"task task-{ID}", (f"task-{ID}",)), id="name-of-a-task-without-key"
        ),
        pytest.param("a" * 36, None, Reference(f"task {'a' * 36}", ("a" * 36,)), id="as-long-as-a-uuid"),
        pytest.param(None, "nightly", Reference("task of the key 'nightly'", ("nightly",)), id="key"),
        pytest.param(
            None,
            "Nightly Report",
            Reference("task of the key 'Nightly Report'", (f"key-{key_id('shop', 'Nightly Report')}",)),
            id="key-that-is-no-name",
        ),
    ],
)
def test_where_a_task_is_looked_for(ref, key, reference):
    assert reference_of("shop", ref, key) == reference


@pytest.mark.parametrize(
    "name",
    ["", "Nightly", "a b", "a/b", "..", "a_b", "-a", "a-", "a\n", "é", "a" * 254],
    ids=["empty", "upper", "space", "slash", "dots", "underscore", "-a", "a-", "newline", "accent", "long"],
)
def test_what_is_no_name_is_an_error_and_no_request(name):
    with pytest.raises(ValueError, match=re.escape(f"{name!r} cannot be the name of a task's object")):
        reference_of("shop", name)


@pytest.mark.parametrize(
    ("key", "said"),
    [("", "it is empty"), (" a", "white space"), ("k" * 201, "201 characters")],
    ids=["empty", "space", "long"],
)
def test_what_is_no_key_is_an_error(key, said):
    with pytest.raises(ValueError, match=said):
        reference_of("shop", None, key)


@pytest.mark.parametrize(
    ("ref", "key", "said"),
    [
        pytest.param(None, None, 'or key="…"', id="none"),
        pytest.param(ID, "nightly", "name one task", id="both"),
        pytest.param(7, None, "not by int", id="number"),
        pytest.param(None, 7, "key must be text, not int", id="number-as-key"),
    ],
)
def test_what_names_no_task_is_a_type_error(ref: Any, key: Any, said):
    with pytest.raises(TypeError, match=said):
        reference_of("shop", ref, key)
