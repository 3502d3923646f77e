"""SecretsAvailable: whether every Secret that the gateway needs is there, with the key that it needs."""

from __future__ import annotations

import difflib

from tenantry_operator.api.v1alpha1.gateway import SecretUse
from tenantry_operator.conditions import reasons
from tenantry_operator.conditions.condition import Finding, listed
from tenantry_operator.conditions.observation import Observation


def secrets_available(seen: Observation) -> Finding:
    """Name each Secret that is missing or lacks its key, the keys found, and the command that helps."""
    problems = [problem for use in seen.gateway.secret_uses if (problem := _problem(seen, use)) is not None]
    if not problems:
        return Finding("True", reasons.SECRETS_FOUND, "Every Secret is there and has its key.")
    status = "Unknown" if all(problem.status == "Unknown" for problem in problems) else "False"
    worst = next(problem for problem in problems if problem.status == status)
    return Finding(worst.status, worst.reason, "\n".join(problem.message for problem in problems))


def _problem(seen: Observation, use: SecretUse) -> Finding | None:
    namespace = seen.gateway.meta.namespace
    found = seen.secrets.get(use.name)
    if found is None and not use.generated:
        return Finding("Unknown", reasons.NOT_OBSERVED, f"Secret {namespace}/{use.name} has not been looked at yet.")
    if found is None or found.keys is None:
        return _missing(namespace, use)
    return None if use.key in found.keys else _without_key(namespace, use, found.keys)


def _missing(namespace: str, use: SecretUse) -> Finding:
    if use.generated:
        message = f"Secret {namespace}/{use.name} with a generated token is about to be created."
        return Finding("False", reasons.TOKEN_PENDING, message)
    return Finding(
        "False",
        reasons.SECRET_MISSING,
        f"Secret {namespace}/{use.name} ({use.purpose}, {use.field}) does not exist. "
        f"Fix: kubectl -n {namespace} create secret generic {use.name} --from-literal={use.key}=VALUE",
    )


def _without_key(namespace: str, use: SecretUse, keys: frozenset[str]) -> Finding:
    found = listed(f'"{key}"' for key in sorted(keys)) or "no keys with a value"
    near = difflib.get_close_matches(use.key, sorted(keys), n=1, cutoff=0.6)
    fix = f"""kubectl -n {namespace} patch secret {use.name} -p '{{"stringData":{{"{use.key}":"VALUE"}}}}'"""
    if use.generated:
        fix = f"kubectl -n {namespace} delete secret {use.name} (a new token is generated)"
    elif near:
        fix += f', or set {use.field}.key to "{near[0]}"'
    return Finding(
        "False",
        reasons.SECRET_KEY_MISSING,
        f'Secret {namespace}/{use.name} has no key "{use.key}" with a value, for the {use.purpose} (found: {found}). '
        f"Fix: {fix}",
    )
