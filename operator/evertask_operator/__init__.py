"""The EverTask operator: watches tasks, decides what is due, launches Jobs and settles what their pods leave behind.

``handlers`` hears of changes (kopf) → ``store`` keeps what is known → ``decisions`` say what to do (pure) →
``reconciler`` does it through ``cluster``.
"""
