"""The shape of the manifests in ``ops/``, as far as we use it: a name that the tool would not know is a mistake.

Written after the Compose specification and Kubernetes' API of 1.30; their own schemas are fetched from nowhere.
"""

from __future__ import annotations

TEXT = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
WORDS = {"type": "array", "items": TEXT}
LABELS = {"type": "object", "additionalProperties": TEXT, "minProperties": 1}


def exactly(required=(), **known):
    """An object of ``known`` names and no other, of which ``required`` have to be there."""
    return {"type": "object", "properties": known, "required": list(required), "additionalProperties": False}


def several(item, least=1):
    return {"type": "array", "items": item, "minItems": least}


META = exactly(["name"], name=TEXT, labels=LABELS, annotations=LABELS)
SELECTOR = exactly(["matchLabels"], matchLabels=LABELS)
PORT_NUMBER = {"type": "integer", "minimum": 1, "maximum": 65535}
PROBE = exactly(
    ["httpGet"],
    httpGet=exactly(["path", "port"], path={"pattern": "^/"}, port=TEXT),
    periodSeconds=COUNT,
    timeoutSeconds=COUNT,
    failureThreshold=COUNT,
)
CONTAINER = exactly(
    ["name", "image", "args", "resources", "securityContext"],
    name=TEXT,
    image={"pattern": r":[^:]+$", "not": {"pattern": ":latest$"}},
    args=WORDS,
    envFrom=several(exactly(configMapRef=exactly(["name"], name=TEXT), secretRef=exactly(["name"], name=TEXT))),
    ports=several(exactly(["name", "containerPort"], name={"maxLength": 15}, containerPort=PORT_NUMBER)),
    startupProbe=PROBE,
    readinessProbe=PROBE,
    livenessProbe=PROBE,
    lifecycle=exactly(["preStop"], preStop=exactly(["sleep"], sleep=exactly(["seconds"], seconds=COUNT))),
    resources=exactly(["requests", "limits"], requests=LABELS, limits=LABELS),
    securityContext=exactly(
        ["allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"],
        allowPrivilegeEscalation={"const": False},
        readOnlyRootFilesystem={"const": True},
        capabilities=exactly(["drop"], drop={"const": ["ALL"]}),
    ),
    volumeMounts=several(exactly(["name", "mountPath"], name=TEXT, mountPath={"pattern": "^/"})),
)
POD = exactly(
    ["containers", "securityContext", "automountServiceAccountToken"],
    automountServiceAccountToken={"const": False},
    terminationGracePeriodSeconds=COUNT,
    restartPolicy={"enum": ["Always", "Never", "OnFailure"]},
    securityContext=exactly(
        ["runAsNonRoot", "runAsUser", "seccompProfile"],
        runAsNonRoot={"const": True},
        runAsUser={"const": 10001},
        runAsGroup={"const": 10001},
        fsGroup={"const": 10001},
        seccompProfile=exactly(["type"], type={"const": "RuntimeDefault"}),
    ),
    topologySpreadConstraints=several(
        exactly(
            ["maxSkew", "topologyKey", "whenUnsatisfiable", "labelSelector"],
            maxSkew=COUNT,
            topologyKey=TEXT,
            whenUnsatisfiable={"enum": ["ScheduleAnyway", "DoNotSchedule"]},
            labelSelector=SELECTOR,
        )
    ),
    containers=several(CONTAINER),
    volumes=several(exactly(["name", "emptyDir"], name=TEXT, emptyDir=exactly(sizeLimit=TEXT))),
)
POD_TEMPLATE = exactly(["metadata", "spec"], metadata=exactly(["labels"], labels=LABELS, annotations=LABELS), spec=POD)
NUMBERED = several(exactly(["protocol", "port"], protocol={"enum": ["TCP", "UDP"]}, port=PORT_NUMBER))
METRIC = exactly(
    ["type"],
    type={"enum": ["Pods", "Resource"]},
    pods=exactly(
        ["metric", "target"],
        metric=exactly(["name"], name=TEXT),
        target=exactly(["type", "averageValue"], type={"const": "AverageValue"}, averageValue=TEXT),
    ),
    resource=exactly(
        ["name", "target"],
        name={"enum": ["cpu", "memory"]},
        target=exactly(["type", "averageUtilization"], type={"const": "Utilization"}, averageUtilization=COUNT),
    ),
)

SPECS = {
    ("apps/v1", "Deployment"): exactly(
        ["selector", "template"],
        replicas=COUNT,
        selector=SELECTOR,
        template=POD_TEMPLATE,
        strategy=exactly(
            ["type", "rollingUpdate"],
            type={"const": "RollingUpdate"},
            rollingUpdate=exactly(["maxSurge", "maxUnavailable"], maxSurge=COUNT, maxUnavailable=COUNT),
        ),
    ),
    ("v1", "Service"): exactly(
        ["selector", "ports"],
        selector=LABELS,
        ports=several(exactly(["name", "port", "targetPort"], name=TEXT, port=PORT_NUMBER, targetPort=TEXT)),
    ),
    ("policy/v1", "PodDisruptionBudget"): exactly(
        ["selector", "maxUnavailable"], selector=SELECTOR, maxUnavailable=COUNT
    ),
    ("autoscaling/v2", "HorizontalPodAutoscaler"): exactly(
        ["scaleTargetRef", "minReplicas", "maxReplicas", "metrics"],
        scaleTargetRef=exactly(["apiVersion", "kind", "name"], apiVersion=TEXT, kind=TEXT, name=TEXT),
        minReplicas=COUNT,
        maxReplicas=COUNT,
        metrics=several(METRIC),
        behavior=exactly(scaleDown=exactly(stabilizationWindowSeconds=COUNT)),
    ),
    ("batch/v1", "Job"): exactly(["template"], backoffLimit=COUNT, activeDeadlineSeconds=COUNT, template=POD_TEMPLATE),
    ("networking.k8s.io/v1", "NetworkPolicy"): exactly(
        ["podSelector", "policyTypes", "ingress", "egress"],
        podSelector=exactly(
            ["matchExpressions"],
            matchExpressions=several(
                exactly(["key", "operator", "values"], key=TEXT, operator={"const": "In"}, values=WORDS)
            ),
        ),
        policyTypes={"const": ["Ingress", "Egress"]},
        ingress=several(
            exactly(["from", "ports"], ports=NUMBERED, **{"from": several(exactly(namespaceSelector=SELECTOR))})
        ),
        egress=several(exactly(["ports"], ports=NUMBERED)),
    ),
}


def of_kubernetes(document):
    """The schema for one document; an unknown kind is a ``KeyError``."""
    head = {"apiVersion": TEXT, "kind": TEXT, "metadata": META}
    if document["kind"] == "ConfigMap":
        return exactly(["apiVersion", "kind", "metadata", "data"], **head, data=LABELS)
    spec = SPECS[document["apiVersion"], document["kind"]]
    return exactly(["apiVersion", "kind", "metadata", "spec"], **head, spec=spec)


_CONDITION = {"enum": ["service_healthy", "service_completed_successfully", "service_started"]}
SERVICE = exactly(
    ["image"],
    image=TEXT,
    build=exactly(["context", "dockerfile"], context=TEXT, dockerfile=TEXT),
    command=WORDS,
    env_file=WORDS,
    environment=LABELS,
    ports=WORDS,
    volumes=WORDS,
    tmpfs=WORDS,
    read_only={"const": True},
    cap_drop={"const": ["ALL"]},
    security_opt={"const": ["no-new-privileges:true"]},
    stop_grace_period={"pattern": "^[0-9]+s$"},
    restart={"enum": ["no", "always", "on-failure", "unless-stopped"]},
    healthcheck=exactly(test=WORDS, interval=TEXT, timeout=TEXT, disable={"type": "boolean"}),
    depends_on={"type": "object", "additionalProperties": exactly(["condition"], condition=_CONDITION)},
)
COMPOSE = {
    "type": "object",
    "required": ["name", "services", "volumes"],
    "properties": {
        "name": TEXT,
        "services": {"type": "object", "additionalProperties": SERVICE, "minProperties": 1},
        "volumes": {"type": "object"},
    },
    "patternProperties": {"^x-": {}},
    "additionalProperties": False,
}
