"""Every reason that a condition of ours can have. Reasons are for programs: they never change their meaning."""

from typing import Final

# The operator could not do its work. Until somebody acts, it cannot: Stalled.
NAME_CONFLICT: Final = "NameConflict"
INVALID_SPEC: Final = "InvalidSpec"
CONFIG_TOO_LARGE: Final = "ConfigTooLarge"
PERMISSION_DENIED: Final = "PermissionDenied"
# It could not, and tries again: Reconciling.
APPLY_FAILED: Final = "ApplyFailed"
WAITING_FOR_DELETION: Final = "WaitingForDeletion"
CONFLICTING_MANAGER: Final = "ConflictingManager"  # Somebody changes one of our objects again and again.

# Ready, ConfigValid
AVAILABLE: Final = "Available"
VALID: Final = "Valid"
NO_DEFAULT_AGENT: Final = "NoDefaultAgent"
NOT_RENDERED: Final = "NotRendered"
CONFIG_PENDING: Final = "ConfigPending"
SUSPENDED: Final = "Suspended"  # on purpose: spec.suspended, or spec.replicas of 0; also of DeploymentAvailable

# SecretsAvailable
SECRETS_FOUND: Final = "SecretsFound"
SECRET_MISSING: Final = "SecretMissing"  # noqa: S105 - a reason
SECRET_KEY_MISSING: Final = "SecretKeyMissing"  # noqa: S105 - a reason
TOKEN_PENDING: Final = "TokenPending"  # noqa: S105 - a reason
NOT_OBSERVED: Final = "NotObserved"

# DeploymentAvailable
DEPLOYMENT_MISSING: Final = "DeploymentMissing"
DEPLOYMENT_PROGRESSING: Final = "DeploymentProgressing"
PROGRESS_DEADLINE_EXCEEDED: Final = "ProgressDeadlineExceeded"
REPLICA_FAILURE: Final = "ReplicaFailure"

# NetworkPolicyReady
POLICY_APPLIED: Final = "PolicyApplied"
LEFT_TO_EGRESS: Final = "LeftToEgress"  # What the base URL leads to is for the rules in spec.networkPolicy.egress.
NETWORK_POLICY_MISSING: Final = "NetworkPolicyMissing"
BASE_URL_SERVICE_MISSING: Final = "BaseURLServiceMissing"
BASE_URL_PORT_MISSING: Final = "BaseURLPortMissing"
BASE_URL_WITHOUT_SELECTOR: Final = "BaseURLServiceWithoutSelector"
BASE_URL_OUT_OF_SIGHT: Final = "BaseURLServiceOutOfSight"  # In a namespace that the operator does not read.
BASE_URL_REFUSED: Final = "BaseURLRefused"  # An address or name to which the policy opens no way by itself.

# RolloutPending
ROLLOUT_QUEUED: Final = "RolloutQueued"

# StorageReady
BOUND: Final = "Bound"
CLAIM_MISSING: Final = "ClaimMissing"  # The PersistentVolumeClaim has not been created yet.
WAITING_FOR_FIRST_CONSUMER: Final = (
    "WaitingForFirstConsumer"  # The volume is made when a pod is scheduled: all is well.
)
VOLUME_PENDING: Final = "VolumePending"  # The claim has no volume yet.
STORAGE_CLASS_MISSING: Final = "StorageClassMissing"  # The StorageClass that is named does not exist.
NO_DEFAULT_STORAGE_CLASS: Final = "NoDefaultStorageClass"  # None is named, and the cluster has no default one.
VOLUME_LOST: Final = "VolumeLost"  # The PersistentVolume of the claim is gone.
VOLUME_GROWING: Final = "VolumeGrowing"  # A larger size is asked for, and on its way.
VOLUME_NOT_EXPANDABLE: Final = "VolumeNotExpandable"  # The StorageClass does not let its volumes grow.
VOLUME_GROWTH_REFUSED: Final = (
    "VolumeGrowthRefused"  # The API server does not let it grow: a quota, an admission policy.
)
VOLUME_DIFFERS: Final = "VolumeDiffers"  # A claim that was there before was kept as it is, where it differs.

# BindingsAccepted
ALL_ACCEPTED: Final = "AllAccepted"
BINDINGS_REJECTED: Final = "BindingsRejected"
# A selector in spec.allowedBindings has no effect: the operator cannot read the labels of namespaces.
NAMESPACES_UNREADABLE: Final = "NamespacesUnreadable"

# TokenRotated. True: the token is as new as was asked for.
ROTATED: Final = "Rotated"
IN_OVERLAP: Final = "InOverlap"  # The previous token is still accepted.
NOT_DUE: Final = "NotDue"  # Never rotated so far.
ROTATION_PENDING: Final = "RotationPending"  # Asked for, and begins after the overlap of the last one.
ROTATION_STAGED: Final = "RotationStaged"  # Pods are about to accept the next token; no client sees it yet.
TOKEN_NOT_GENERATED: Final = "TokenNotGenerated"  # noqa: S105 - a reason: the user's own token cannot be rotated

# AgentBinding
ACCEPTED: Final = "Accepted"
GATEWAY_NOT_FOUND: Final = "GatewayNotFound"
GATEWAY_INVALID: Final = "GatewayInvalid"
AGENT_NOT_FOUND: Final = "AgentNotFound"
# The Gateway of another namespace consents to the agent, but not with this channel.
CHANNEL_NOT_ALLOWED: Final = "ChannelNotAllowed"
# The Gateway's configuration is full, or has its share of the other namespace's bindings.
TOO_MANY_BINDINGS: Final = "TooManyBindings"
INVALID_BINDING: Final = "InvalidBinding"
RESOLVED: Final = "ResolvedRefs"
PROGRAMMED: Final = "Programmed"
# Some ready pod does not report a configuration that holds the route, yet.
PENDING: Final = "Pending"
# Nothing serves the route: the Gateway has no pods on purpose; or they are starting or in trouble.
GATEWAY_SUSPENDED: Final = "GatewaySuspended"
NO_READY_PODS: Final = "NoReadyPods"
NOT_ACCEPTED: Final = "NotAccepted"
SHADOWED: Final = "Shadowed"

# HTTPRouteAccepted
ROUTE_ACCEPTED: Final = "RouteAccepted"
# The API server has no HTTPRoute. It is looked for while a Gateway wants it.
GATEWAY_API_MISSING: Final = "GatewayAPIMissing"
# No controller has decided yet, or none is in charge of the parent.
ROUTE_PENDING: Final = "RoutePending"
# A controller refuses the route at a parent; the message quotes it.
ROUTE_NOT_ACCEPTED: Final = "RouteNotAccepted"

# IngressReady
INGRESS_READY: Final = "IngressReady"
# No controller has published an address. Some never do.
ADDRESS_PENDING: Final = "AddressPending"

# MonitoringReady
MONITORING_READY: Final = "MonitoringReady"
# The API server has no ServiceMonitor or PrometheusRule. They are looked for while a Gateway wants them.
MONITORING_API_MISSING: Final = "MonitoringAPIMissing"
MONITORING_PENDING: Final = "MonitoringPending"

STALLED: Final = frozenset(
    {
        NAME_CONFLICT,
        INVALID_SPEC,
        CONFIG_TOO_LARGE,
        PERMISSION_DENIED,
        PROGRESS_DEADLINE_EXCEEDED,
        VOLUME_LOST,
        BASE_URL_OUT_OF_SIGHT,
        BASE_URL_REFUSED,
    }
)
"""Nothing gets better until somebody acts."""
WANTING: Final = frozenset({SECRET_MISSING, SECRET_KEY_MISSING, STORAGE_CLASS_MISSING, NO_DEFAULT_STORAGE_CLASS})
"""Somebody else has to provide it, and may be at it: told at once, step by step."""
CONFIG_FAULTS: Final = frozenset({INVALID_SPEC, CONFIG_TOO_LARGE})
UNRESOLVED: Final = frozenset({GATEWAY_NOT_FOUND, AGENT_NOT_FOUND})
NOT_AWAITED: Final = frozenset({ADDRESS_PENDING, MONITORING_API_MISSING})
"""What may stay so for ever on a cluster where all is well: the feature's condition says so, and nothing else does."""
