"""What the operator counts. One instance a process, handed to whoever counts; nothing is registered at import."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from tenantry_config.version import __version__

RECONCILE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
"""Seconds. A reconcile with nothing to do takes well under a millisecond, a new tenant some ten."""


RESULTS = ("ok", "problem", "retry", "bug")


class Metrics:
    """The operator's metrics in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.api_requests = Counter(
            "tenantry_operator_api_requests",
            "Requests to the Kubernetes API; code 0 is a request without an answer.",
            ("verb", "resource", "code"),
            registry=self.registry,
        )
        self.reconciles = Counter(
            "tenantry_operator_reconcile",
            "Reconciles by result: ok, problem (see the Gateway's conditions), retry (the API failed), bug.",
            ("result",),
            registry=self.registry,
        )
        for result in RESULTS:
            self.reconciles.labels(result)  # From the start on, so that the first of each is an increase, too.
        self.reconcile_duration = Histogram(
            "tenantry_operator_reconcile_duration_seconds",
            "Time that one reconcile took.",
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self.queue_depth = Gauge(
            "tenantry_operator_queue_depth", "Keys that wait for a worker.", registry=self.registry
        )
        self.queue_wait = Histogram(
            "tenantry_operator_queue_wait_seconds",
            "Time that a key waited for a worker.",
            buckets=RECONCILE_BUCKETS,
            registry=self.registry,
        )
        self.drift_corrections = Counter(
            "tenantry_operator_drift_corrections",
            "Objects put right after somebody else changed or deleted them.",
            ("kind",),
            registry=self.registry,
        )
        self.gateways = Gauge(
            "tenantry_gateways",
            "Gateways by condition and status, as the leader last saw them; 0 where no Gateway has it any more.",
            ("condition", "status"),
            registry=self.registry,
        )
        self.leader = Gauge(
            "tenantry_operator_leader", "Whether this replica leads: 1, or 0 on standby.", registry=self.registry
        )
        self.lease_transitions = Gauge(
            "tenantry_operator_lease_transitions",
            "How often leadership has changed hands, as the Lease counts it.",
            registry=self.registry,
        )
        build = Gauge(
            "tenantry_operator_build_info", "Always 1; the version is a label.", ("version",), registry=self.registry
        )
        build.labels(__version__).set(1)
        self.rollouts = Gauge(
            "tenantry_operator_rollouts",
            "Gateways that a changed default image has not come to (waiting), that restart for it (rolling), and that "
            "do not come up with it (failed, also counted as rolling).",
            ("state",),
            registry=self.registry,
        )
