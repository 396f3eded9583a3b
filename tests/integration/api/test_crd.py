"""The API server's word on the CRD: it is taken as it is, and kubectl shows it well."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask.api.crd import CRD_NAME, make_crd
from tests.support.control_plane import CRDS

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient


def test_the_crd_is_taken_without_a_warning(admin: ApiClient) -> None:
    fresh = make_crd()
    fresh["metadata"]["resourceVersion"] = admin("GET", f"{CRDS}/{CRD_NAME}").body["metadata"][
        "resourceVersion"
    ]

    answer = admin("PUT", f"{CRDS}/{CRD_NAME}?dryRun=All&fieldValidation=Strict", fresh)

    assert (answer.status, admin.warnings) == (200, [])
