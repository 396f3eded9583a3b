"""A module of the user's with the name of one of Python's: the runner's parent must not meet it."""

raise RuntimeError("the runner imported the user's queue.py")
