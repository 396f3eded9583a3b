"""A small shop: what happens after the click is background work, done by EverTask.

``tasks`` says what can be asked for, and is all that the web side imports; each other module does one kind
of work.
"""
