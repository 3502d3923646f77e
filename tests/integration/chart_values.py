"""Values of the chart that ask for everything that it can do."""

from typing import Any

DIGEST = "sha256:" + "0123456789abcdef" * 4
EVERYTHING: dict[str, Any] = {
    "image": {"repository": "registry.example.com:5000/tenantry/operator", "tag": "1.2.3", "digest": DIGEST},
    "imagePullSecrets": [{"name": "registry"}],
    "defaultGatewayImage": {"repository": "registry.example.com/gateway", "digest": DIGEST, "pullPolicy": "Always"},
    "maxRollouts": 3,
    "replicas": 3,
    "logLevel": "debug",
    "logFormat": "text",
    "extraArgs": ["--workers=16", "--relist-seconds=600"],
    "network": {
        "ingressNamespaces": ["ingress-nginx", "istio-system"],
        "monitoringNamespaces": ["monitoring"],
        "dnsPods": ["openshift-dns/dns.operator.openshift.io/daemonset-dns=default"],
        "dnsAddresses": ["169.254.20.10", "fd00::a"],
        "dnsPorts": [53, 5353],
        "internalNetworks": ["203.0.113.0/24"],
        "clusterDomain": "cluster.example",
    },
    "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
    "topologySpreadConstraints": [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "tenantry-operator"}},
        }
    ],
    "priorityClassName": "system-cluster-critical",
    "podLabels": {"team": "platform"},
    "podAnnotations": {"example.com/note": 'a "quoted" one: with a colon'},
    "serviceAccount": {"annotations": {"example.com/role": "arn:aws:iam::1:role/x"}},
    "metrics": {
        "service": {"annotations": {"prometheus.io/scrape": "true"}},
        "serviceMonitor": {"enabled": True, "interval": "15s", "labels": {"release": "prometheus"}},
        "prometheusRule": {
            "enabled": True,
            "labels": {"release": "prometheus"},
            "runbooks": "https://wiki.example.com/tenantry/",
        },
        "dashboard": {"enabled": True, "labels": {"grafana_dashboard": "2"}},
    },
    "admissionPolicy": {
        "enabled": True,
        "contact": ["platform@example.com", "chat: platform"],
        "allowedImages": ["registry.example.com/platform/*"],
        "allowedModels": ["claude-sonnet-*"],
        "allowedBaseURLs": ["https://proxy.example.com"],
        "allowedHostnames": ["*.example.com"],
        "allowedPriorityClasses": ["batch"],
        "requireNetworkPolicy": True,
        "namespaces": {"team-a": {"allowedModels": ["*"], "requireNetworkPolicy": False}},
    },
}
