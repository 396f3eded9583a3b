"""What happens when somebody registers, and on birthdays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evertask import Handler
from patterns.tasks import CreateUserProfile, NotifyAdmins, SendBirthdayGreeting, SendWelcomeEmail
from patterns.world import World

if TYPE_CHECKING:
    from evertask import Context

ADMINISTRATORS = "admins@shop.example"


def setup() -> dict[type, object]:
    """Make, once in a process, what the handlers here ask for in their constructors."""
    return {World: World()}


class SendWelcomeEmailHandler(Handler[SendWelcomeEmail]):
    """Greet a new user by e-mail."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendWelcomeEmail, ctx: Context) -> dict[str, bool]:
        """Send the mail; the result says whether it is the first one."""
        return {"sent": self._world.send(ctx.task_id, "email", task.address, f"Welcome, {task.name}!")}


class CreateUserProfileHandler(Handler[CreateUserProfile]):
    """Make the profile of a new user."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: CreateUserProfile, ctx: Context) -> None:
        """Make it; a second run makes the same."""
        self._world.set("profile", task.user_id, "made")


class NotifyAdminsHandler(Handler[NotifyAdmins]):
    """Tell the administrators of a new user."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: NotifyAdmins, ctx: Context) -> None:
        """Send the mail."""
        self._world.send(ctx.task_id, "email", ADMINISTRATORS, f"new user {task.user_id}")


class SendBirthdayGreetingHandler(Handler[SendBirthdayGreeting]):
    """Congratulate a user."""

    def __init__(self, world: World) -> None:
        self._world = world

    def handle(self, task: SendBirthdayGreeting, ctx: Context) -> None:
        """Send the greeting."""
        self._world.send(ctx.task_id, "email", task.user_id, "Happy birthday!")
