"""The API ``evertask.io/v1alpha1``: one description that CRD, SDK, operator and runner share.

Empty on purpose: ``protocol`` and ``durations`` need the standard library only, ``task`` needs pydantic.
"""
