"""The image and the Kubernetes base keep what docs/deploy.md says of them, judged by real tools where they exist."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml
from lossd_server import settings

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes"
SELECTOR = {"app.kubernetes.io/name": "lossd", "app.kubernetes.io/instance": "lossd"}
EVALUATION = "lossd.v1.EvaluationService"
Manifest = dict[str, Any]


def tool(name: str) -> str:
    """The program beside this interpreter, or on PATH; otherwise a skip that says so."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: what it would judge is not checked here")
    return found


def project_version() -> str:
    found = re.search(r'^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert found
    return found[1]


# --- the manifests, rendered ---------------------------------------------------------------------------


def render_by_hand() -> list[Manifest]:
    """What kustomize does with the few of its features that the base uses, but for the hash in the ConfigMap's name."""
    plan = yaml.safe_load((BASE / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "resources", "configMapGenerator", "labels", "images"}
    assert set(plan) <= known, f"teach render_by_hand about {set(plan) - known}"
    out = [doc for name in plan["resources"] for doc in yaml.safe_load_all((BASE / name).read_text())]
    for entry in plan["configMapGenerator"]:
        lines = "\n".join((BASE / name).read_text() for name in entry["envs"]).splitlines()
        data = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        out.append({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": entry["name"]}, "data": data})
    tags = {image["name"]: image["newTag"] for image in plan["images"]}
    for doc in out:
        places = [doc["metadata"]]
        if template := doc.get("spec", {}).get("template"):
            places.append(template["metadata"])
            for container in template["spec"]["containers"]:
                container["image"] += ":" + tags[container["image"]]
        for place in places:
            for rule in plan["labels"]:
                place.setdefault("labels", {}).update(rule["pairs"])
    return out


def kubectl_render(folder: Path = BASE) -> str:
    done = subprocess.run(
        [tool("kubectl"), "kustomize", str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def manifests() -> list[Manifest]:
    if shutil.which("kubectl"):
        return list(yaml.safe_load_all(kubectl_render()))
    return render_by_hand()


def one(manifests: list[Manifest], kind: str, name: str | None = None) -> Manifest:
    found = [doc for doc in manifests if doc["kind"] == kind and name in (None, doc["metadata"]["name"])]
    assert len(found) == 1, (kind, name, [doc["metadata"]["name"] for doc in found])
    return found[0]


def pod(manifests: list[Manifest]) -> Manifest:
    spec: Manifest = one(manifests, "Deployment")["spec"]["template"]["spec"]
    return spec


def container(manifests: list[Manifest]) -> Manifest:
    containers = pod(manifests)["containers"]
    assert len(containers) == 1
    only: Manifest = containers[0]
    return only


def settings_of(manifests: list[Manifest]) -> dict[str, str]:
    data: dict[str, str] = one(manifests, "ConfigMap")["data"]
    return data


def test_both_renderers_agree(manifests: list[Manifest]) -> None:
    """Without kubectl the other tests judge the hand-made rendering, so it must be the same thing."""
    tool("kubectl")
    hashed = one(manifests, "ConfigMap")["metadata"]["name"]
    assert re.fullmatch(r"lossd-[0-9a-z]{10}", hashed), "a changed setting must be a rollout"
    plain = yaml.safe_load(json.dumps(manifests).replace(hashed, "lossd"))

    def key(doc: Manifest) -> tuple[str, str]:
        return doc["kind"], doc["metadata"]["name"]

    assert sorted(plain, key=key) == sorted(render_by_hand(), key=key)


# --- schemas -------------------------------------------------------------------------------------------


def judge(doc: Manifest, version: str) -> None:
    """Raise for what a strict API server of that version would refuse, and for kinds no schema is known of."""
    if doc["kind"] == "PodMonitor":
        jsonschema.validate(doc, json.loads((Path(__file__).parent / "podmonitor.schema.json").read_text()))
    else:
        kubernetes_validate.validate(doc, version, strict=True)


@pytest.mark.parametrize("version", ["1.27", "1.37"], ids=["oldest", "newest"])
def test_every_object_is_valid(manifests: list[Manifest], version: str) -> None:
    assert sorted(doc["kind"] for doc in manifests) == [
        "ConfigMap",
        "Deployment",
        "NetworkPolicy",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "PodMonitor",
        "Service",
        "Service",
        "ServiceAccount",
    ]
    for doc in manifests:
        judge(doc, version)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("Deployment", ("spec", "template", "spec", "terminationGracePeriodsSeconds"), 45),
        ("Deployment", ("spec", "replicas"), "two"),
        ("PodMonitor", ("spec", "podMetricsEndpoint"), []),
        ("PodMonitor", ("spec", "podMetricsEndpoints", 0, "intervall"), "15s"),
    ],
)
def test_a_mistake_is_seen(manifests: list[Manifest], kind: str, path: tuple[Any, ...], value: Any) -> None:
    """The judge itself: a misspelt field and a wrong type fail, in built-in kinds and in PodMonitor alike."""
    doc = copy.deepcopy(one(manifests, kind))
    place: Any = doc
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError):
        judge(doc, "1.37")


def test_an_unknown_kind_is_seen() -> None:
    """The command line only warns about a kind it has no schema for; that must not pass for valid."""
    with pytest.raises(kubernetes_validate.SchemaNotFoundError):
        judge({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}, "1.37")


# --- what the manifests promise ------------------------------------------------------------------------


def test_probes_ask_grpc_health(manifests: list[Manifest]) -> None:
    """Start-up and readiness ask for the service; liveness only whether the loop answers."""
    only = container(manifests)
    port = int(settings_of(manifests)["LOSSD_ADDRESS"].rpartition(":")[2])
    assert only["startupProbe"]["grpc"] == {"port": port, "service": EVALUATION}
    assert only["readinessProbe"]["grpc"] == {"port": port, "service": EVALUATION}
    assert only["livenessProbe"]["grpc"] == {"port": port, "service": ""}


def test_ports_are_the_configured_ones(manifests: list[Manifest]) -> None:
    values, only = settings_of(manifests), container(manifests)
    ports = {port["name"]: port["containerPort"] for port in only["ports"]}
    assert values["LOSSD_ADDRESS"] == f"0.0.0.0:{ports['grpc']}"
    assert values["LOSSD_METRICS_ADDRESS"] == f"0.0.0.0:{ports['metrics']}"
    for name in ("lossd", "lossd-headless"):
        (port,) = one(manifests, "Service", name)["spec"]["ports"]
        assert port == {"name": "grpc", "port": 50051, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}
    assert one(manifests, "Service", "lossd-headless")["spec"]["clusterIP"] == "None"
    assert one(manifests, "PodMonitor")["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"


def test_grace_period_covers_the_drain(manifests: list[Manifest]) -> None:
    """The kubelet must not kill a server that is still finishing accepted calls."""
    values = settings_of(manifests)
    drain = int(values["LOSSD_DRAIN_DELAY_SECONDS"]) + int(values["LOSSD_DRAIN_SECONDS"])
    assert pod(manifests)["terminationGracePeriodSeconds"] >= drain + 5


def test_memory_limit_leaves_room_beside_the_payloads(manifests: list[Manifest]) -> None:
    limit = container(manifests)["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    assert int(settings_of(manifests)["LOSSD_MAX_INFLIGHT_BYTES"]) * 4 <= int(limit[:-2]) << 30


def test_pod_is_restricted(manifests: list[Manifest]) -> None:
    """The Pod Security Standard `restricted`, and what it leaves open: token, service links, read-only root."""
    spec, only = pod(manifests), container(manifests)
    assert spec["automountServiceAccountToken"] is False
    assert one(manifests, "ServiceAccount")["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False, "a Service called lossd would inject LOSSD_PORT and the like"
    identity = spec["securityContext"]
    assert identity["runAsNonRoot"] is True
    assert identity["runAsUser"] == identity["runAsGroup"] == 10001
    assert identity["seccompProfile"] == {"type": "RuntimeDefault"}
    assert only["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
    }
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(key)
    assert all(set(volume) == {"name", "emptyDir"} for volume in spec["volumes"])
    assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"])


def test_version_is_on_everything_and_in_no_selector(manifests: list[Manifest]) -> None:
    """A selector cannot be changed, so a version in one would make the next release a new Deployment."""
    deployment = one(manifests, "Deployment")
    version = project_version()
    assert container(manifests)["image"] == f"lossd:{version}"
    for labels in [doc["metadata"]["labels"] for doc in [*manifests, deployment["spec"]["template"]]]:
        assert labels["app.kubernetes.io/version"] == version
        assert labels.items() >= SELECTOR.items()
    selectors = [doc["spec"]["podSelector"]["matchLabels"] for doc in manifests if doc["kind"] == "NetworkPolicy"]
    selectors += [doc["spec"]["selector"] for doc in manifests if doc["kind"] == "Service"]
    selectors += [
        one(manifests, kind)["spec"]["selector"]["matchLabels"]
        for kind in ("Deployment", "PodDisruptionBudget", "PodMonitor")
    ]
    spread = pod(manifests)["topologySpreadConstraints"]
    selectors += [rule["labelSelector"]["matchLabels"] for rule in spread]
    assert {rule["whenUnsatisfiable"] for rule in spread} == {"ScheduleAnyway"}
    assert selectors == [SELECTOR] * 9


def test_a_broken_pod_does_not_hold_up_a_node(manifests: list[Manifest]) -> None:
    spec = one(manifests, "PodDisruptionBudget")["spec"]
    assert (spec["maxUnavailable"], spec["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_network_is_closed_but_for_clients_and_monitoring(manifests: list[Manifest]) -> None:
    deny = one(manifests, "NetworkPolicy", "lossd-default-deny")["spec"]
    assert deny == {"podSelector": {"matchLabels": SELECTOR}, "policyTypes": ["Ingress", "Egress"]}
    allow = one(manifests, "NetworkPolicy", "lossd-ingress")["spec"]
    assert allow["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"lossd-client": "true"}}}],
            "ports": [{"protocol": "TCP", "port": "grpc"}],
        },
        {
            "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
            "ports": [{"protocol": "TCP", "port": "metrics"}],
        },
    ]


def test_configuration_is_one_config_map(manifests: list[Manifest]) -> None:
    """The image's default flags would beat the environment, so the Deployment must not run with them."""
    only = container(manifests)
    assert only["command"] == ["lossd", "serve"]
    assert "args" not in only
    assert "env" not in only
    assert only["envFrom"] == [{"configMapRef": {"name": one(manifests, "ConfigMap")["metadata"]["name"]}}]


def test_every_configured_key_is_a_setting(manifests: list[Manifest], monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown variable would be ignored in silence; a value the server refuses would be a crash loop."""
    for name in [name for name in os.environ if name.startswith("LOSSD_")]:
        monkeypatch.delenv(name)
    wanted = {}
    for key, value in settings_of(manifests).items():
        monkeypatch.setenv(key, value)
        wanted[key.removeprefix("LOSSD_").lower()] = value
    assert wanted.keys() <= settings.Settings.model_fields.keys()
    expected = settings.Settings.model_validate({**settings.Settings().model_dump(), **wanted})
    assert settings.read([]).model_dump() == expected.model_dump()


def test_the_documented_overlay_renders(tmp_path: Path) -> None:
    """The overlay of docs/deploy.md, and its way to leave the PodMonitor out, do what they say."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    overlay, without_monitor = (yaml.safe_load(block) for block in blocks)
    overlay["resources"] = [os.path.relpath(BASE, tmp_path)]
    overlay["images"][0]["digest"] = "sha256:" + "0" * 64
    overlay["patches"] += without_monitor["patches"]
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(overlay))
    rendered = list(yaml.safe_load_all(kubectl_render(tmp_path)))
    assert "PodMonitor" not in {doc["kind"] for doc in rendered}
    assert {doc["metadata"]["namespace"] for doc in rendered} == {"losses"}
    assert container(rendered)["image"] == "registry.example.com/lossd@sha256:" + "0" * 64
    assert settings_of(rendered)["LOSSD_DRAIN_SECONDS"] == "60"
    assert settings_of(rendered)["LOSSD_DRAIN_DELAY_SECONDS"] == "10"
    test_grace_period_covers_the_drain(rendered)
    test_configuration_is_one_config_map(rendered)
    for doc in rendered:
        judge(doc, "1.37")


def test_the_documented_sessions_are_valid(manifests: list[Manifest]) -> None:
    """The pod that keeps sessions, as docs/deploy.md makes it of the base, is a valid StatefulSet with its disk."""
    text = (ROOT / "docs" / "deploy.md").read_text()
    program = re.findall(r'python -c "\n(.*?)" > sessions.yaml', text, re.DOTALL)[0]
    made = subprocess.run(
        [sys.executable, "-c", program], input=yaml.safe_dump_all(manifests), capture_output=True, text=True, check=True
    )
    docs = list(yaml.safe_load_all(made.stdout))
    kept = next(doc for doc in docs if doc["kind"] == "StatefulSet")
    own = kept["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "LOSSD_STATE_DIR", "value": "/state"} in own["env"]
    assert own["volumeMounts"][-1] == {"name": "state", "mountPath": "/state"}
    assert kept["spec"]["serviceName"] in {doc["metadata"]["name"] for doc in docs if doc["kind"] == "Service"}
    for doc in docs:
        judge(doc, "1.37")


# --- the Dockerfile ------------------------------------------------------------------------------------


def dockerfile_stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage (what precedes the first FROM is stage 0), continuation lines joined."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    stages: list[list[tuple[str, str]]] = [[]]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            if word == "FROM":
                stages.append([])
            stages[-1].append((word, rest.strip()))
    return stages


def last_stage(word: str) -> list[str]:
    return [rest for instruction, rest in dockerfile_stages()[-1] if instruction == word]


def image_environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for line in last_stage("ENV") for pair in line.split())


def test_base_is_an_argument() -> None:
    before, *stages = dockerfile_stages()
    assert before == [("ARG", "BASE=python:3.11-slim-bookworm")]
    assert [stage[0][1] for stage in stages] == [
        "${BASE} AS requirements",
        "${BASE} AS dependencies",
        "dependencies AS build",
        "${BASE}",
    ]


def test_any_builder_can_build_it() -> None:
    """Buildah 1.28 knows neither heredocs nor COPY --link; anything needing a network only names public hosts."""
    everything = [item for stage in dockerfile_stages() for item in stage]
    assert not [rest for word, rest in everything if word == "RUN" and "<<" in rest]
    assert not [rest for word, rest in everything if word in {"COPY", "ADD"} and "--link" in rest]
    assert not [word for word, _ in everything if word == "ADD"]
    hosts = set(re.findall(r"https?://([^/\s\"]+)", (ROOT / "Dockerfile").read_text()))
    assert hosts == {"download.pytorch.org"}


def test_image_runs_as_a_number_and_holds_no_installer() -> None:
    """runAsNonRoot can only be checked against a number."""
    assert last_stage("USER") == ["10001:10001"]
    installs = r"\bpip3? (-\S+ \S+ )*install\b|\bapt-get\b|\bapk\b|build-essential|\bgcc\b"
    assert not [rest for rest in last_stage("RUN") if re.search(installs, rest)]
    assert any("ensurepip" in rest and rest.startswith("rm -rf") for rest in last_stage("RUN"))


def test_image_serves_and_says_so() -> None:
    assert last_stage("EXPOSE") == ["50051 9464"]
    assert json.loads(last_stage("ENTRYPOINT")[0]) == ["lossd", "serve"]
    assert settings.read(json.loads(last_stage("CMD")[0])).insecure
    flags = ["--address", "0.0.0.0:50051", "--metrics-address", "0.0.0.0:9464", "--insecure"]
    assert json.loads(last_stage("CMD")[0]) == flags
    probe = last_stage("HEALTHCHECK")[0].partition("CMD ")[2]
    assert json.loads(probe) == ["python", "-m", "lossd_server.probe", "127.0.0.1:50051", EVALUATION]
    assert f"VERSION={project_version()}" in last_stage("ARG")
    labels = set(re.findall(r"org\.opencontainers\.image\.(\w+)=", last_stage("LABEL")[0]))
    assert labels == {"title", "description", "licenses", "version", "revision"}


def test_everything_written_goes_to_a_mounted_directory(manifests: list[Manifest]) -> None:
    """With a read-only root, a path outside the emptyDirs is an error at run time, so it is one here."""
    mounts = [mount["mountPath"] for mount in container(manifests)["volumeMounts"]]
    environment = image_environment()
    caches = {"TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH", "XDG_CACHE_HOME"}
    for name in {"TMPDIR", "HOME", *caches}:
        path = environment[name]
        assert any(path == mount or path.startswith(mount + "/") for mount in mounts), (name, path)


def test_build_context_is_an_allow_list() -> None:
    rules = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    assert rules[0] == "*"
    allowed = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source
        for stage in dockerfile_stages()
        for word, rest in stage
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    }
    assert copied == allowed
    assert all((ROOT / source).exists() for source in copied)


# --- tools ---------------------------------------------------------------------------------------------


def test_hadolint() -> None:
    done = subprocess.run(
        [tool("hadolint"), str(ROOT / "Dockerfile")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_checkov(tmp_path: Path) -> None:
    """Offline policies; deploy/checkov.yaml lists the ones passed over, with reasons."""
    checkov = tool("checkov")
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(kubectl_render())
    files = ["--file", str(ROOT / "Dockerfile"), "--file", str(rendered)]
    done = subprocess.run(
        [checkov, "--config-file", str(ROOT / "deploy" / "checkov.yaml"), *files],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
