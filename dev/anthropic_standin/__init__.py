"""A stand-in for the Anthropic Messages API, for demos and tests; never part of the product.

It is as strict as the real API about what it is sent and answers deterministically with what it received::

    [<model>] <first line of the system prompt> | turn <n> | <text of the last user turn>

``<n>`` counts the human turns of the request (a message that only returns tool results is no turn of its own), and a
request without a system prompt shows ``(no system)``. What the stand-in does beyond that is asked for in the last user
text: see :mod:`dev.anthropic_standin.controls`.
"""
