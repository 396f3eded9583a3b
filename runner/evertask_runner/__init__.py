"""The program in a run's pod: a small parent that speaks to the API server, and a child that runs the handler.

Model: the parent forks the child at once. The child imports the handler's module while the parent claims the run;
the answer to the claim brings payload and options, which the parent hands to the child. A pod that is up before its
run's time waits for it: the parent before it claims, the child before it calls the handler. From then on the parent
keeps time, listens for signals and reports, and the child belongs to the user: it may block the interpreter, leak
memory or crash, and its run still gets a truthful outcome.

Nothing but the standard library is imported before the user's module. Start-up is paid by every run, in time and in
processor time: what both processes need is imported before the fork, once for the two; what only the parent needs (ssl
above all) after it; and what not every run needs (traceback, inspect) where it is needed.
"""
