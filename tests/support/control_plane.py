"""Installs EverTask's API on a control plane, whoever else does so at the same time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evertask.api import protocol
from evertask.api.crd import CRD_NAME, make_crd
from evertask.api.mutability import frozen_fields_policy

if TYPE_CHECKING:
    from tests.support.api_client import ApiClient

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
CREATED, CONFLICT, OK = 201, 409, 200
SECONDS = 30.0


def install_crd(client: ApiClient) -> None:
    """Create the CRD unless it is there, and wait until its objects are served."""
    answer = client("POST", CRDS, make_crd())
    assert answer.status in {CREATED, CONFLICT}, answer
    deadline = time.monotonic() + SECONDS
    while client("GET", f"/apis/{protocol.API_VERSION}/{protocol.PLURAL}").status != OK:
        assert time.monotonic() < deadline, f"{CRD_NAME} is not served: {client('GET', f'{CRDS}/{CRD_NAME}')}"
        time.sleep(0.05)


def install_frozen_fields_policy(client: ApiClient) -> None:
    """Create the policy that looks into free-form fields unless it is there. It takes moments to be enforced."""
    for body in frozen_fields_policy():
        kind = f"{body['kind']}s".replace("Policys", "Policies").lower()
        answer = client("POST", f"/apis/admissionregistration.k8s.io/v1/{kind}", body)
        assert answer.status in {CREATED, CONFLICT}, answer
