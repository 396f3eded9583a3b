"""The web side of the shop, reduced to its core: a customer registers, the work that follows is dispatched.

It runs in the cluster as a Job (manifests/30-registration.yaml), with the rights of manifests/10-rights.yaml.

    python3 -m shop.registration Ada:ada@example.org Grace:grace@example.org
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import sys
from base64 import b64encode
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from PIL import Image, ImageDraw

from evertask import Dispatcher
from shop.tasks import CheckPayment, MakeThumbnail, SendWelcomeEmail

if TYPE_CHECKING:
    from uuid import UUID

    from evertask import Task

NAMESPACE_VARIABLE = "SHOP_NAMESPACE"
IMAGE_VARIABLE = "TASK_IMAGE"
"""Environment variable with the image that the tasks run in: the one with the handlers."""

PAYMENT_CHECK_DELAY = timedelta(seconds=10)
"""How long a customer has to pay for the first order; a real shop gives days."""

AVATAR_SIDE = 400
"""Pixels."""


class Customer(NamedTuple):
    """Who registers."""

    name: str
    address: str


def parse_customer(text: str) -> Customer:
    """Read ``Name:address``.

    Raises:
        ValueError: not of that form.
    """
    name, separator, address = text.partition(":")
    if not (name and separator and address):
        raise ValueError(f"a customer is written Name:address, not {text!r}")
    return Customer(name, address)


def draw_avatar(name: str) -> bytes:
    """Draw a picture for a customer who uploaded none: the initial on a colour of its own. PNG."""
    colour = tuple(64 + 32 * (byte % 5) for byte in name.encode().ljust(3, b"-")[:3])
    image = Image.new("RGB", (AVATAR_SIDE, AVATAR_SIDE), colour)
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 40, AVATAR_SIDE - 40, AVATAR_SIDE - 40), outline="white", width=12)
    draw.text((AVATAR_SIDE / 2, AVATAR_SIDE / 2), name[:1], anchor="mm", fill="white")
    output = io.BytesIO()
    image.save(output, format="PNG")
    return output.getvalue()


def pod_template(image: str) -> dict[str, Any]:
    """Say in which image the shop's tasks run."""
    return {"spec": {"containers": [{"name": "runner", "image": image}]}}


async def register(dispatcher: Dispatcher, customer: Customer, order: str) -> dict[str, UUID]:
    """Dispatch what follows a registration; returns at once, the work is done in the background.

    Returns:
        The ids of the tasks, by what they are for.
    """
    work: dict[str, tuple[Task, timedelta | None]] = {
        "welcome": (SendWelcomeEmail(name=customer.name, address=customer.address), None),
        "avatar": (MakeThumbnail(picture=b64encode(draw_avatar(customer.name)), largest_side=96), None),
        "payment": (CheckPayment(order=order, cents_due=4990), PAYMENT_CHECK_DELAY),
    }
    return {purpose: await dispatcher.dispatch(task, delay=delay) for purpose, (task, delay) in work.items()}


async def main(arguments: list[str]) -> None:
    """Register each customer that is named, and print the ids of the tasks as one line of JSON each."""
    template = pod_template(os.environ[IMAGE_VARIABLE])
    async with Dispatcher(namespace=os.environ[NAMESPACE_VARIABLE], pod_template=template) as dispatcher:
        for number, text in enumerate(arguments, 1):
            customer = parse_customer(text)
            ids = await register(dispatcher, customer, f"A-{1000 + number}")
            print(
                json.dumps({"customer": customer.name, "tasks": {k: str(v) for k, v in ids.items()}}),
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
