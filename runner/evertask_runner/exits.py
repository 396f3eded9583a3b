"""Leaving without a run: the sentence on standard error, and in the termination message where it is a complaint."""

from __future__ import annotations

from evertask.api.protocol import EXIT_MISCONFIGURED
from evertask_runner import console, termination_message


def complain(message: str, termination_message_path: str) -> int:
    """Say what the pod lacks, in its log and in its status; the answer is the exit code."""
    console.say(message)
    termination_message.write(termination_message_path, termination_message.build_complaint(message))
    return EXIT_MISCONFIGURED
